-- How budgets stand: limits, what was used in the period that runs, what open attempts hold beyond that, who waits; and
-- what the attempt $3 has of each. Of a call of unknown price it is not known; its attempt counts as what it reserved.
select b.id, b.scope::text, b.subject, b.period::text, b.limit_usd, b.limit_tokens, b.limit_seconds, b.warn_at,
  b.on_exceeded::text, nullif(p.began, '-infinity') as period_began_at, p.ends as period_ends_at,
  case when b.period_at = p.began then b.settled_usd else 0 end + h.usd as used_usd,
  case when b.period_at = p.began then b.settled_tokens else 0 end + h.tokens as used_tokens,
  case when b.period_at = p.began then b.settled_seconds else 0 end + h.seconds as used_seconds,
  h.held_usd, h.held_tokens, h.running, h.unpriced as unpriced_calls,
  (select count(*) from jobtrail.budget_waits w join jobtrail.jobs j on j.workspace_id = w.workspace_id and j.id = w.job_id
    where w.workspace_id = $1 and w.budget_id = b.id and j.status = 'PENDING' and j.wait_reason = 'BUDGET'
      and j.attempt_id = w.attempt_id) as waiting,
  case when b.period_at = p.began then b.warned_at end as warned_at,
  case when b.period_at = p.began then b.exceeded_at end as exceeded_at,
  case when b.period_at = p.began then b.refused_at end as refused_at,
  b.gate_id, g.status::text as gate_status, g.job_id as gate_job_id,
  b.created_by, b.created_at, b.updated_at, h.own_hold_usd, h.own_hold_tokens, h.own_usd, h.own_tokens,
  (select d.form::text from jobtrail.gate_decisions d where d.workspace_id = $1 and d.gate_id = b.gate_id and d.approved
    and d.form is not null and d.superseded_at is null order by d.at desc limit 1) as gate_form,
  extract(epoch from p.ends - jobtrail.clock())::float8 as period_seconds_left
from jobtrail.budgets b
cross join lateral (select jobtrail.period_start(b.period) as began, jobtrail.period_end(b.period) as ends) p
left join jobtrail.gates g on g.workspace_id = $1 and g.id = b.gate_id
cross join lateral (
  select coalesce(sum(x.usd), 0) as usd, coalesce(sum(x.tokens), 0)::int8 as tokens,
    coalesce(sum(greatest(extract(epoch from coalesce(a.ended_at, jobtrail.clock()) - greatest(a.started_at, p.began)), 0)),
      0)::float8 as seconds,
    coalesce(sum(greatest(h.usd - x.usd, 0)) filter (where a.ended_at is null or x.unpriced > 0), 0) as held_usd,
    coalesce(sum(greatest(h.tokens - x.tokens, 0)) filter (where a.ended_at is null), 0)::int8 as held_tokens,
    count(*) filter (where a.ended_at is null) as running, coalesce(sum(x.unpriced), 0)::int8 as unpriced,
    max(h.usd) filter (where h.attempt_id = $3) as own_hold_usd,
    max(h.tokens) filter (where h.attempt_id = $3) as own_hold_tokens,
    max(x.usd) filter (where h.attempt_id = $3) as own_usd,
    (max(x.tokens) filter (where h.attempt_id = $3))::int8 as own_tokens
  from jobtrail.budget_holds h
  join jobtrail.attempts a on a.workspace_id = $1 and a.job_id = h.job_id and a.id = h.attempt_id
  cross join lateral (select coalesce(sum(u.cost_usd) filter (where u.at >= p.began), 0) as usd,
      coalesce(sum(u.input_tokens + u.output_tokens + u.cached_tokens) filter (where u.at >= p.began), 0) as tokens,
      count(*) filter (where u.cost_usd is null and u.at >= p.began) as unpriced
    from jobtrail.usage u where u.workspace_id = $1 and u.job_id = h.job_id and u.attempt_id = h.attempt_id) x
  where h.workspace_id = $1 and h.budget_id = b.id and (b.scope <> 'ATTEMPT' or a.ended_at is null)
    and (b.scope <> 'ATTEMPT' or $3::uuid is null or h.attempt_id = $3)
) h
where b.workspace_id = $1 and b.id = any ($2::uuid[])
order by b.id
