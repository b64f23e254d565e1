-- Up to $5 jobs after ($3, $4) in the order of (workspace, id), each with all that its trail vouches for, as lines of one
-- shape: the job, its results, steps, files and events. One statement, so that a job that runs is seen as of one moment.
with chunk as materialized (
  select j.workspace_id, j.id, j.version, j.trail_hash, j.created_at, j.updated_at, (
    select row_to_json(said)::text from (
      select j.workspace_id, j.id, j.attempt_id, j.step_id, j.version, j.generation, j.attempt_count, j.failure_count,
        j.loss_count, j.max_attempts, j.backoff_delay_ms, j.backoff_max_ms, j.priority, j.status, j.wait_reason,
        j.backoff_type, j.actor_type, j.progress, j.timeout_seconds, j.idle_timeout_seconds, j.queue_timeout_seconds,
        j.estimated_seconds, j.actual_seconds, j.created_at, j.updated_at, j.queued_at, j.started_at, j.completed_at,
        j.scheduled_at, j.cancel_at, j.cancel_requested_at, j.aborted_at, j.event, j.type, j.queue, j.actor_id,
        j.created_by, j.stage, j.title, j.tags, j.cancel_reason, j.error_code, j.error_message, j.unique_key,
        j.unique_hold, j.concurrency_key, j.traceparent, j.checked, j.project_id, j.task_id, j.parent_id, j.rerun_of,
        j.root_id, j.schedule_id, j.fork_of, j.slots, j.concurrency_limit, j.unique_scope, j.unique_until, j.on_parent,
        j.depends_mode, j.on_dependency, j.budgeted, j.reserve_usd, j.reserve_tokens, j.last_txid, j.trail_hash,
        j.note::text as note, encode(sha256(convert_to(j.input::text, 'UTF8')), 'hex') as input_sha256
    ) said) as said
  from jobtrail.jobs j
  where j.workspace_id between $1::uuid and $2::uuid and (j.workspace_id, j.id) > ($3::uuid, $4::uuid)
  order by j.workspace_id, j.id limit $5
)
select c.workspace_id::text, c.id::text as job_id, c.version as seq,
  timestamptz_send(c.created_at) || timestamptz_send(c.updated_at) as at, '' as type, '' as status,
  null::text as attempt_id, null::text as step_id, '' as actor_type, null::text as actor_id, c.said as payload,
  c.trail_hash as hash, 0::int8 as txid, 'job' as line
from chunk c
union all
select c.workspace_id::text, c.id::text, 0, '', '', '', null, null, '', null, r.said, '', 0, 'result'
from chunk c cross join lateral (
  select jsonb_build_object('generation', r.generation,
    'output_sha256', encode(sha256(convert_to(r.output::text, 'UTF8')), 'hex'))::text as said
  from jobtrail.results r where r.workspace_id = c.workspace_id and r.job_id = c.id offset 0
) r
union all
select c.workspace_id::text, c.id::text, 0, '', '', '', null, null, '', null, s.said, '', 0, 'step'
from chunk c cross join lateral (
  select jsonb_build_object('id', s.id, 'key', s.key, 'status', s.status,
    'output_sha256', encode(sha256(convert_to(s.output::text, 'UTF8')), 'hex'))::text as said
  from jobtrail.steps s where s.workspace_id = c.workspace_id and s.job_id = c.id offset 0
) s
union all
select c.workspace_id::text, c.id::text, 0, '', '', '', null, null, '', null, a.said, '', 0, 'asset'
from chunk c cross join lateral (
  select jsonb_build_object('id', a.id, 'name', a.name, 'byte_size', a.byte_size, 'sha256', a.sha256)::text as said
  from jobtrail.assets a where a.workspace_id = c.workspace_id and a.job_id = c.id offset 0
) a
union all
select c.workspace_id::text, c.id::text, e.seq, timestamptz_send(e.at), e.type, e.status::text, e.attempt_id::text,
  e.step_id::text, e.actor_type::text, e.actor_id, e.payload, e.hash, e.txid, 'event'
from chunk c cross join lateral (
  select * from jobtrail.events e
  where e.workspace_id = c.workspace_id and e.job_id = c.id and e.at between c.created_at and c.updated_at offset 0
) e
