-- Ends attempts whose code succeeded; answers how many were still open. Arrays run side by side, one entry a job.
with ended as materialized (
  select * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::float8[], $9::int8[],
    $10::int8[], $11::int4[])
    as e (job_id, attempt_id, status, output, summary, ms, cpu_seconds, memory_bytes, disk_bytes, exit_code)
), finished as (
  update jobtrail.jobs j set status = 'COMPLETED', event = 'job.completed', actor_type = 'worker', actor_id = $12,
    step_id = null, error_code = null, error_message = null,
    note = case when e.output is null then null
      else jsonb_build_object('result_sha256', encode(sha256(convert_to(e.output::jsonb::text, 'UTF8')), 'hex')) end
  from ended e
  where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[]) and j.id = e.job_id
    and j.attempt_id = e.attempt_id and j.status = 'RUNNING'
  returning j.workspace_id, j.id, j.generation, j.updated_at, e.*
), closed as (
  update jobtrail.attempts a set status = 'COMPLETED', ended_at = f.updated_at, cpu_seconds = f.cpu_seconds,
    memory_bytes = f.memory_bytes, disk_bytes = f.disk_bytes, exit_code = f.exit_code
  from finished f
  where a.workspace_id = any ($1::uuid[]) and a.job_id = any ($2::uuid[]) and a.workspace_id = f.workspace_id
    and a.job_id = f.id and a.ended_at is null
), stored as (
  insert into jobtrail.results (workspace_id, job_id, generation, status, output, summary, execution_time_ms)
  select workspace_id, id, generation, status::jobtrail.result_status, output::jsonb, summary, ms from finished
)
select count(*) from finished
