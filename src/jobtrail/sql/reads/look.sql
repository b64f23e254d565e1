-- Fetches as a claim and a list do, as little as possible: it answers where a service could work.
select count(*) from (select from jobtrail.ready limit 1) ready, (select count(*) from (select from jobtrail.jobs limit 1) j) jobs
