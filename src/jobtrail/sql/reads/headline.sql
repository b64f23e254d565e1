-- What hangs on a job, each counted up to $3, and the worker that its open attempt runs on.
select
  (select count(*) from (select from jobtrail.steps s where s.workspace_id = j.workspace_id and s.job_id = j.id
    limit $3) capped)::int4 as steps,
  (select count(*) from (select from jobtrail.steps s where s.workspace_id = j.workspace_id and s.job_id = j.id
    and s.status = 'COMPLETED' limit $3) capped)::int4 as steps_completed,
  (select count(*) from (select from jobtrail.assets a where a.workspace_id = j.workspace_id and a.job_id = j.id
    limit $3) capped)::int4 as files,
  coalesce((select c.first_line + c.lines - 1 from jobtrail.log_chunks c where c.workspace_id = j.workspace_id
    and c.job_id = j.id order by c.first_line desc limit 1), 0)::int8 as log_lines,
  spent.calls, spent.cost_usd, spent.unpriced_calls,
  (select count(*) from (select from jobtrail.jobs r where r.workspace_id = j.workspace_id and r.rerun_of = j.id
    limit $3) capped)::int4 as reruns,
  (select count(*) from (select from jobtrail.jobs r where r.workspace_id = j.workspace_id and r.parent_id = j.id
    limit $3) capped)::int4 as children,
  (select s.heir_id from jobtrail.supersedings s where s.workspace_id = j.workspace_id and s.job_id = j.id) as heir_id,
  (select s.job_id from jobtrail.supersedings s where s.workspace_id = j.workspace_id and s.heir_id = j.id
    order by s.at desc limit 1) as took_from_id,
  gate.id as gate_id, gate.question as gate_question,
  worker.worker_id, worker.name as worker_name, worker.silent_seconds, worker.lease_seconds, worker.stop_reason
from jobtrail.jobs j
cross join lateral (
  select count(*)::int4 as calls, trim_scale(sum(u.cost_usd)) as cost_usd,
    count(*) filter (where u.cost_usd is null)::int4 as unpriced_calls
  from jobtrail.usage u where u.workspace_id = j.workspace_id and u.job_id = j.id
) spent
left join lateral (
  select g.id, g.question from jobtrail.gates g
  where g.workspace_id = j.workspace_id and g.job_id = j.id and g.status = 'WAITING' limit 1
) gate on true
left join lateral (
  select a.worker_id, w.name, extract(epoch from jobtrail.clock() - w.beat_at)::float8 as silent_seconds,
    extract(epoch from w.lease_until - jobtrail.clock())::float8 as lease_seconds, w.stop_reason
  from jobtrail.attempts a left join jobtrail.workers w on w.id = a.worker_id
  where a.workspace_id = j.workspace_id and a.job_id = j.id and a.ended_at is null limit 1
) worker on true
where j.workspace_id = $1 and j.id = $2
