-- Takes unique keys from the jobs that have held them for as long as they may; answers how many.
with late as materialized (
  select id from jobtrail.jobs
  where workspace_id = $1 and unique_hold = any ($2::text[]) and unique_until <= jobtrail.clock()
  order by id for update
), freed as (
  update jobtrail.jobs j set event = 'job.updated', step_id = null, actor_type = 'system', actor_id = 'stager'
  from late where j.workspace_id = $1 and j.id = late.id and j.unique_hold is not null
  returning j.id
)
select count(*) from freed
