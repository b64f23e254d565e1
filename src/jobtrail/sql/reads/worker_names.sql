-- What some workers are called; those that were forgotten are left out.
select id, name from jobtrail.workers where id = any ($1::uuid[])
