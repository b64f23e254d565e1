-- Some events of a job ($3: which), without what they say.
select seq, type, at from jobtrail.events where workspace_id = $1 and job_id = $2 and seq = any ($3::int4[]) order by seq
