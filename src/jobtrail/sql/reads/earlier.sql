-- What a job has used so far, in this attempt ($3) and in those before, and the newest session that it had.
select
  (select a.session_id from jobtrail.attempts a where a.workspace_id = $1 and a.job_id = $2 and a.session_id is not null
    order by a.number desc limit 1) as session_id,
  (select coalesce(sum(extract(epoch from coalesce(a.ended_at, jobtrail.clock()) - a.started_at)), 0)::float8
    from jobtrail.attempts a where a.workspace_id = $1 and a.job_id = $2 and a.id <> $3) as seconds,
  coalesce(sum(u.input_tokens), 0)::int8 as input_tokens, coalesce(sum(u.output_tokens), 0)::int8 as output_tokens,
  coalesce(sum(u.cached_tokens), 0)::int8 as cached_tokens, trim_scale(sum(u.cost_usd)) as cost_usd,
  count(*) filter (where u.cost_usd is null) as unpriced_calls
from jobtrail.usage u where u.workspace_id = $1 and u.job_id = $2
