-- The page of a workspace's jobs above one of them, oldest first: `jobs`, read upwards. A test holds the two together.
select id, workspace_id, project_id, task_id, parent_id, rerun_of, type, queue, status::text, wait_reason::text, stage, priority, title,
  tags, case when $40::bool then input end as input, version, generation, progress, attempt_id, attempt_count, failure_count, loss_count, max_attempts,
  backoff_type::text, backoff_delay_ms, backoff_max_ms, timeout_seconds, idle_timeout_seconds, queue_timeout_seconds,
  scheduled_at, cancel_at, cancel_requested_at, cancel_reason, estimated_seconds, actual_seconds, error_code,
  error_message, unique_key, concurrency_key, created_by, created_at, queued_at, started_at, completed_at, updated_at,
  root_id, schedule_id, fork_of, slots, concurrency_limit, unique_scope::text, unique_until, on_parent::text,
  depends_mode::text, on_dependency::text, budgeted, reserve_usd, reserve_tokens
from (
  (select j.id as place, j.* from jobtrail.jobs j
    where 'ANY' = any ($4::text[]) and j.workspace_id = $1 and j.id < $2 and j.id >= $3 order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'TYPE' = any ($4::text[]) and j.workspace_id = $1 and j.type = $6 and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select j.id, j.* from unnest($43::uuid[]) wanted (id)
    cross join lateral (select * from jobtrail.jobs w where w.workspace_id = $1 and w.id = wanted.id limit 1) j
    where 'IDS' = any ($4::text[]) and j.id < $2 and j.id >= $3 order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'TASK' = any ($4::text[]) and j.workspace_id = $1 and j.task_id = $7 and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'PROJECT' = any ($4::text[]) and j.workspace_id = $1 and j.project_id = $8 and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'PARENT' = any ($4::text[]) and j.workspace_id = $1 and j.parent_id = $9 and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'ABORTED' = any ($4::text[]) and j.workspace_id = $1 and j.aborted_at is not null and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'ABORTED_TYPE' = any ($4::text[]) and j.workspace_id = $1 and j.type = $6 and j.aborted_at is not null
      and j.id < $2 and j.id >= $3 order by j.id asc limit $5)
  union all
  (select j.id, j.* from jobtrail.jobs j
    where 'PENDING' = any ($4::text[]) and j.workspace_id = $1 and j.wait_reason is not null and j.id < $2 and j.id >= $3
    order by j.id asc limit $5)
  union all
  (select r.job_id, j.*
    from (select distinct job_id from jobtrail.ready where 'QUEUED' = any ($4::text[]) and workspace_id = $1
        and job_id < $2 and job_id >= $3 order by job_id asc) r
    cross join lateral (select * from jobtrail.jobs w where w.workspace_id = $1 and w.id = r.job_id
      and w.status = 'QUEUED' limit 1) j
    order by r.job_id asc limit $5)
  union all
  (select a.job_id, j.* from jobtrail.attempts a
    cross join lateral (select * from jobtrail.jobs w where w.workspace_id = $1 and w.id = a.job_id
      and w.status = 'RUNNING' limit 1) j
    where 'RUNNING' = any ($4::text[]) and a.workspace_id = $1 and a.ended_at is null and a.job_id < $2
      and a.job_id >= $3 order by a.job_id asc limit $5)
) j
where ($7::uuid is null or task_id = $7) and ($8::uuid is null or project_id = $8)
  and ($9::uuid is null or parent_id = $9)
  and ($10::timestamptz is null or created_at >= $10) and ($11::timestamptz is null or created_at < $11)
  and ($12::text[] is null or type = any ($12)) and ($13::text[] is null or type <> all ($13))
  and ($14::text[] is null or status = any ((select $14::jobtrail.job_status[])::jobtrail.job_status[]))
  and ($15::text[] is null or queue = any ($15)) and ($16::text[] is null or queue <> all ($16))
  and ($17::text[] is null or tags && $17) and ($18::text[] is null or tags @> $18)
  and ($19::text[] is null or not tags && $19)
  and ($20::int4[] is null or priority = any ($20))
  and ($21::text[] is null or wait_reason = any ((select $21::jobtrail.wait_reason[])::jobtrail.wait_reason[]))
  and ($22::text[] is null or coalesce(wait_reason <> all ((select $22::jobtrail.wait_reason[])::jobtrail.wait_reason[]), true))
  and ($23::text[] is null or stage = any ($23)) and ($24::text[] is null or coalesce(stage <> all ($24), true))
  and ($25::text[] is null or error_code = any ($25) or lower(error_message) like any ($26::text[])
    or case when $41::text[] is not null then jobtrail.fingerprint(error_code, error_message) = any ($41) end)
  and ($27::text[] is null or not coalesce(error_code = any ($27), false)
    and coalesce(lower(error_message) not like all ($28::text[]), true)
    and ($42::text[] is null or error_code is null or jobtrail.fingerprint(error_code, error_message) <> all ($42)))
  and ($29::text[] is null or lower(concat_ws(E'\n', title, type, error_message, cancel_reason)) like all ($29))
  and ($30::text[] is null or lower(concat_ws(E'\n', title, type, error_message, cancel_reason)) not like all ($30))
  and ($31::text[] is null or input @> any ((select $31::jsonb[])::jsonb[]))
  and ($32::jsonb is null or not exists (select from jsonb_array_elements($32) pieces
    where not exists (select from jsonb_array_elements(pieces) piece where j.input @> piece)))
  and ($33::text[] is null or not input @> any ((select $33::jsonb[])::jsonb[]))
  and ($34::int4 is null or attempt_count >= $34) and ($35::int4 is null or attempt_count <= $35)
  and ($36::float8 is null
    or coalesce(actual_seconds, extract(epoch from jobtrail.clock() - started_at)) >= $36)
  and ($37::float8 is null
    or coalesce(actual_seconds, extract(epoch from jobtrail.clock() - started_at)) <= $37)
  and ($43::uuid[] is null or id = any ($43))
  and ($38::text is null or replace(id::text, '-', '') like $38)
order by place asc limit $39
