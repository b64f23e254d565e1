-- Retries the jobs ($3) that a step ($4) of a retried job ($2, in its generation $5) had started, as far as they did not
-- complete, and waits for them anew; answers the queues of those.
with held as materialized (
  select id, status in ('FAILED', 'CANCELLED') as bad, status = 'COMPLETED' as done from jobtrail.jobs
  where workspace_id = $1 and id = any ($3::uuid[]) order by id for update
), again as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'job.retried', generation = j.generation + 1, failure_count = 0,
    loss_count = 0, wait_reason = null, scheduled_at = null, cancel_requested_at = null, cancel_reason = null,
    cancel_at = null, error_code = null, error_message = null, progress = 0, step_id = null,
    actor_type = 'system', actor_id = 'settler', note = jsonb_build_object('parent', $2::uuid)
  from held h where j.workspace_id = $1 and j.id = any ($3::uuid[]) and j.id = h.id and h.bad
    and (j.unique_key is null or not exists (
      select from jobtrail.jobs o where o.workspace_id = $1 and o.unique_hold = j.unique_key))
  returning j.id, j.queue
), waits as (
  update jobtrail.dependencies d set generation = $5, wakes = $6,
    met_at = case when h.done then coalesce(d.met_at, jobtrail.clock()) end,
    met_as = case when h.done then 'COMPLETED'::jobtrail.job_status end
  from held h where d.workspace_id = $1 and d.job_id = $2 and d.step_id = $4 and d.needs_id = any ($3::uuid[])
    and d.needs_id = h.id
), looked_at as (
  insert into jobtrail.settlements (workspace_id, job_id) select $1, id from held where not done
)
select distinct queue from again
