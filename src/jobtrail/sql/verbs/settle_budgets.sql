-- Turns the periods of budgets that are held, and settles what attempts that have ended used: their holds go. One with a
-- call of unknown price stays held with at least what it had reserved.
with held as (
  select b.id, b.scope, jobtrail.period_start(b.period) as began
  from jobtrail.budgets b where b.workspace_id = $1 and b.id = any ($2::uuid[])
), ended as (
  select h.ctid as place, h.budget_id, h.usd as held, t.scope, x.usd, x.tokens, x.unpriced,
    greatest(extract(epoch from a.ended_at - greatest(a.started_at, t.began)), 0)::float8 as seconds
  from held t
  join jobtrail.budget_holds h on h.workspace_id = $1 and h.budget_id = t.id
  join jobtrail.attempts a on a.workspace_id = $1 and a.job_id = h.job_id and a.id = h.attempt_id
    and a.ended_at is not null
  cross join lateral (select coalesce(sum(u.cost_usd) filter (where u.at >= t.began), 0) as usd,
      coalesce(sum(u.input_tokens + u.output_tokens + u.cached_tokens) filter (where u.at >= t.began), 0)::int8 as tokens,
      count(*) filter (where u.cost_usd is null and u.at >= t.began) as unpriced
    from jobtrail.usage u where u.workspace_id = $1 and u.job_id = h.job_id and u.attempt_id = h.attempt_id) x
), gone as (
  delete from jobtrail.budget_holds h using ended e
  where h.ctid = e.place and (e.unpriced = 0 or e.scope = 'ATTEMPT' or e.held <= e.usd)
  returning e.budget_id, e.scope, e.usd, e.tokens, e.seconds
), sums as (
  select budget_id, sum(usd) as usd, sum(tokens)::int8 as tokens, sum(seconds) as seconds
  from gone where scope <> 'ATTEMPT' group by budget_id
)
update jobtrail.budgets b set period_at = t.began,
  settled_usd = case when b.period_at = t.began then b.settled_usd else 0 end + coalesce(s.usd, 0),
  settled_tokens = case when b.period_at = t.began then b.settled_tokens else 0 end + coalesce(s.tokens, 0),
  settled_seconds = case when b.period_at = t.began then b.settled_seconds else 0 end + coalesce(s.seconds, 0),
  warned_at = case when b.period_at = t.began then b.warned_at end,
  exceeded_at = case when b.period_at = t.began then b.exceeded_at end,
  refused_at = case when b.period_at = t.began then b.refused_at end
from held t left join sums s on s.budget_id = t.id
where b.workspace_id = $1 and b.id = any ($2::uuid[]) and b.id = t.id
  and (b.period_at <> t.began or s.budget_id is not null)
