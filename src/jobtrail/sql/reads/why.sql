-- What keeps a job from running: the facts behind the one sentence.
select j.status::text, j.wait_reason::text, j.queue, j.type, j.scheduled_at, j.queued_at, j.cancel_requested_at,
  j.error_code, j.error_message, j.failure_count, j.max_attempts,
  q.paused_at, q.paused_by, q.paused_reason,
  (select count(*) from jobtrail.workers w where w.stopped_at is null and w.lease_until > jobtrail.clock()
    and (w.workspace_id is null or w.workspace_id = j.workspace_id)
    and j.queue = any (w.queues)) as workers_of_queue,
  (select count(*) from jobtrail.workers w where w.stopped_at is null and w.lease_until > jobtrail.clock()
    and (w.workspace_id is null or w.workspace_id = j.workspace_id)
    and j.queue = any (w.queues) and j.type = any (w.types)) as workers_of_type,
  (select count(*) from (select from jobtrail.ready r where r.queue = j.queue and r.workspace_id = j.workspace_id
    and (r.rank, r.job_id) < (jobtrail.job_rank(j.priority, j.generation, j.created_at, j.scheduled_at, j.queued_at), j.id)
    limit 10001) before) as ahead,
  (select g.question from jobtrail.gates g where g.workspace_id = j.workspace_id and g.job_id = j.id
    and g.status = 'WAITING' limit 1) as question,
  (select a.error_message from jobtrail.attempts a where a.workspace_id = j.workspace_id and a.job_id = j.id
    and a.id = j.attempt_id and a.status = 'INTERRUPTED') as said,
  coalesce((select w.name from jobtrail.attempts a join jobtrail.workers w on w.id = a.worker_id
    where a.workspace_id = j.workspace_id and a.job_id = j.id and a.ended_at is null),
    (select w.name from jobtrail.validations v join jobtrail.workers w on w.id = v.worker_id
    where v.workspace_id = j.workspace_id and v.job_id = j.id)) as worker,
  jobtrail.clock() as now, j.id,
  s.paused_at as space_paused_at, s.paused_by as space_paused_by, s.paused_reason as space_paused_reason,
  away.workers as workers_away, away.name as away_name, away.drains as away_drains,
  j.slots, away.most_slots, j.concurrency_key,
  case when j.status = 'QUEUED' and j.concurrency_key is not null then coalesce((select l.max_slots from jobtrail.limits l
    where l.workspace_id = j.workspace_id and l.scope = 'KEY' and l.name in (j.concurrency_key, '*')
    order by l.name = '*' and j.concurrency_key <> '*' limit 1), j.concurrency_limit) end as key_limit,
  case when j.status = 'QUEUED' and j.concurrency_key is not null then (select count(*) from jobtrail.attempts a
    where a.workspace_id = j.workspace_id and a.ended_at is null and a.concurrency_key = j.concurrency_key) end as key_running,
  case when j.status = 'QUEUED' then (select jsonb_agg(jsonb_build_object('scope', l.scope, 'name', l.name, 'source', l.source,
      'max_slots', l.max_slots, 'taken', t.taken, 'rate_count', l.rate_count, 'rate_seconds', l.rate_seconds,
      'burst', l.burst, 'starts', r.starts, 'again_ms', r.again_ms, 'set_by', l.set_by, 'set_at', l.set_at, 'reason', l.reason)
      order by l.source desc, l.scope)
    from jobtrail.limits l cross join lateral jobtrail.rate_room(l, jobtrail.clock()) r
    cross join lateral (select coalesce(sum(a.slots), 0) as taken from jobtrail.attempts a
      where a.workspace_id = j.workspace_id and a.ended_at is null
        and case l.scope when 'QUEUE' then a.queue = l.name when 'TYPE' then a.type = l.name else true end) t
    where l.workspace_id = j.workspace_id and (l.scope = 'WORKSPACE' or (l.scope = 'QUEUE' and l.name = j.queue)
        or (l.scope = 'TYPE' and l.name = j.type)) and (t.taken + j.slots > l.max_slots or r.starts <= 0)) end as limits,
  need.jobs as needs_open, need.id as need_id, need.type as need_type, need.status as need_status,
  j.depends_mode::text, coalesce(w.signal, case when j.wait_reason = 'SIGNAL' then j.note ->> 'signal' end) as signal, w.until_at,
  gate.needed as gate_needed, gate.approved as gate_approved, budget.said as budget,
  case when j.status = 'QUEUED' then (select sum(p.jobs_out + p.failures)::float8 / 10 from jobtrail.queue_stats p
    where p.workspace_id = j.workspace_id and p.queue = j.queue and p.at > jobtrail.clock() - interval '10 minutes') end as pace
from jobtrail.jobs j
left join jobtrail.workspaces s on s.id = j.workspace_id
left join jobtrail.queues q on q.workspace_id = j.workspace_id and q.name = j.queue
cross join lateral (
  select count(*) filter (where a.is_away) as workers, max(a.slots) filter (where not a.is_away) as most_slots,
    min(a.name) filter (where a.is_away) as name, bool_or(a.drains) filter (where a.is_away) as drains
  from (select x.name, x.slots, x.draining_at is not null or j.queue = any (x.left_queues) as is_away,
      x.draining_at is not null as drains
    from jobtrail.workers x where x.stopped_at is null and x.lease_until > jobtrail.clock()
      and (x.workspace_id is null or x.workspace_id = j.workspace_id) and j.queue = any (x.queues) and j.type = any (x.types)) a
) away
left join lateral (
  select count(*) over () as jobs, n.id, n.type, n.status::text as status
  from (select d.needs_id from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
    and d.met_at is null order by d.needs_id limit 1001) d
  left join jobtrail.jobs n on n.workspace_id = j.workspace_id and n.id = d.needs_id
  order by d.needs_id limit 1
) need on j.status = 'PENDING' and j.wait_reason in ('DEPENDENCY', 'CHILD')
left join lateral (
  select w.signal, w.until_at from jobtrail.waits w where w.workspace_id = j.workspace_id and w.job_id = j.id
    and w.generation = j.generation order by w.begun_at desc limit 1
) w on j.status = 'PENDING'
left join lateral (
  select g.needed, (select count(*) from jobtrail.gate_decisions d where d.workspace_id = g.workspace_id
    and d.gate_id = g.id and d.approved and d.superseded_at is null) as approved
  from jobtrail.gates g where g.workspace_id = j.workspace_id and g.job_id = j.id and g.status = 'WAITING' limit 1
) gate on j.status = 'PENDING' and j.wait_reason = 'GATE'
left join lateral (
  select jsonb_build_object('id', b.id, 'scope', b.scope, 'subject', b.subject, 'period', b.period, 'limit_usd', b.limit_usd,
    'limit_tokens', b.limit_tokens, 'limit_seconds', b.limit_seconds, 'ends_at', jobtrail.period_end(b.period),
    'gate_id', b.gate_id, 'refused', b.refused_at is not null) as said
  from jobtrail.budget_waits x join jobtrail.budgets b on b.workspace_id = x.workspace_id and b.id = x.budget_id
  where x.workspace_id = j.workspace_id and x.job_id = j.id and x.attempt_id = j.attempt_id
) budget on j.status = 'PENDING' and j.wait_reason = 'BUDGET'
where j.workspace_id = $1 and j.id = $2
