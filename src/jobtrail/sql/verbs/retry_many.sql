-- Retries many jobs like `retry`, for the bulk operation $5; answers each one's status before it, and what was done. With $6
-- only those that FAILED, none that was cancelled.
-- Of several that share a unique key only the newest is, and none while a live job has the key.
with held as materialized (
  select id, status, unique_key from jobtrail.jobs where workspace_id = $1 and id = any ($2::uuid[])
  order by id for update
), chosen as materialized (
  select h.id from (
    select *, row_number() over (partition by unique_key, case when unique_key is null then id end order by id desc) nth
    from held where status = 'FAILED' or (status = 'CANCELLED' and not $6::bool)) h
  where h.nth = 1 and (h.unique_key is null or not exists (
    select from jobtrail.jobs o where o.workspace_id = $1 and o.unique_hold = h.unique_key and o.id <> h.id))
), changed as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'job.retried', generation = j.generation + 1,
    failure_count = 0, loss_count = 0, wait_reason = null, scheduled_at = null, cancel_requested_at = null,
    cancel_reason = null, cancel_at = null, error_code = null, error_message = null, progress = 0, step_id = null,
    actor_type = $3::text::jobtrail.actor_type, actor_id = $4, note = jsonb_build_object('bulk', $5::uuid)
  from chosen c where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.id = c.id
  returning j.id, j.queue
)
select h.id, h.status::text, c.id is not null as done, c.queue from held h left join changed c on c.id = h.id
