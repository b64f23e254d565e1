-- Accepts jobs that share all options but id, input, title and unique key; answers how many are new.
-- With $28 each is validated before it is QUEUED, with $41 each waits for others (`depend`) before. A job whose id or unique key is there already is left out: `enqueued` then tells which job stands for it.
with made as (
  insert into jobtrail.jobs (workspace_id, id, input, title, unique_key, type, queue, priority, scheduled_at, status,
    wait_reason, tags, max_attempts, backoff_type, backoff_delay_ms, backoff_max_ms, timeout_seconds,
    idle_timeout_seconds, queue_timeout_seconds, cancel_at, concurrency_key, project_id, task_id, parent_id, rerun_of,
    estimated_seconds, traceparent, checked, actor_type, actor_id, created_by, slots, concurrency_limit, unique_scope,
    unique_until, schedule_id, fork_of, on_parent, depends_mode, on_dependency, budgeted, reserve_usd, reserve_tokens)
  select $1, wanted.id, wanted.input::jsonb, wanted.title, wanted.unique_key, $6, $7, $8, $9,
    case when $28::bool or $41::bool or $9 > jobtrail.clock() then 'PENDING' else 'QUEUED' end::jobtrail.job_status,
    case when $41 then 'DEPENDENCY' when $9 > jobtrail.clock() then 'SCHEDULE' when $28 then 'VALIDATION' end::jobtrail.wait_reason,
    $10, $11, $12::text::jobtrail.backoff_type, $13, $14, $15, $16, $17,
    coalesce($18, jobtrail.clock() + make_interval(secs => $42::float8)), $19, $20, $21, $22, $23, $24,
    wanted.traceparent, $28, $25::text::jobtrail.actor_type, $26, $25::text || ':' || coalesce($26::text, ''),
    $29, $30, $31::text::jobtrail.unique_scope, jobtrail.clock() + make_interval(secs => $32::float8), $33, $34,
    $35::text::jobtrail.parent_policy, $36::text::jobtrail.depends_mode, $37::text::jobtrail.dependency_policy, $38,
    $39, $40
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $27::text[])
    as wanted (id, input, title, unique_key, traceparent)
  on conflict do nothing
  returning id
)
select count(*) from made
