-- Takes up to $1 jobs that others may have waited for. Who takes at the same time gets others, or none.
with taken as (
  delete from jobtrail.settlements where ctid = any (array(
    select s.ctid from jobtrail.settlements s limit $1 for update skip locked))
  returning workspace_id, job_id
)
select distinct workspace_id, job_id from taken
