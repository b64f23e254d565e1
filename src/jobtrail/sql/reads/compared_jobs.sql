-- The newest $4 jobs of a task below $3, newest first, each with what it used, what its result tells, and in what its
-- input differs from those of the others.
with compared as materialized (
  select j.* from jobtrail.jobs j where j.workspace_id = $1 and j.task_id = $2 and j.id < $3 order by j.id desc limit $4
), parts as materialized (
  select c.id, p.key, p.value from compared c
  cross join lateral jsonb_each(case when jsonb_typeof(c.input) = 'object' then c.input else '{}' end) p
), differing as materialized (
  select key from parts group by key
  having count(*) < (select count(*) from compared) or min(value::text collate "C") <> max(value::text collate "C")
)
select j.id, j.type, j.status::text, j.wait_reason::text, j.title, j.rerun_of, j.created_at, j.started_at,
  j.completed_at, j.actual_seconds as seconds, j.attempt_count as attempts, j.error_code, j.error_message,
  coalesce(a.session_id, left(r.output ->> 'session_id', 200)) as session_id,
  coalesce(left(r.output ->> 'model', 200), u.models, left(j.input ->> 'model', 200)) as model,
  jsonb_path_query_first(r.output, '$.turns ? (@.type() == "number" && @ >= 0 && @ < 1000000000)')::int4 as turns,
  jsonb_path_query_first(r.output, '$.continuations ? (@.type() == "number" && @ >= 0 && @ < 1000000000)')::int4
    as continuations,
  u.calls, u.input_tokens, u.output_tokens, u.cached_tokens, u.cost_usd, u.unpriced_calls,
  jsonb_array_length(jsonb_path_query_array(r.output, '$.checks[*] ? (@.type() == "object")')) as checks,
  jsonb_array_length(jsonb_path_query_array(r.output, '$.checks[*] ? (@.passed == true)')) as checks_passed,
  case when jsonb_typeof(r.output #> '{changes,files}') = 'array'
    then jsonb_array_length(r.output #> '{changes,files}') end as changed_files,
  jsonb_path_query_first(r.output, '$.changes.insertions ? (@.type() == "number" && @ >= 0 && @ < 1000000000)')::int4
    as insertions,
  jsonb_path_query_first(r.output, '$.changes.deletions ? (@.type() == "number" && @ >= 0 && @ < 1000000000)')::int4
    as deletions,
  case when jsonb_typeof(r.output -> 'denials') = 'array' then jsonb_array_length(r.output -> 'denials') end as denials,
  left(coalesce(r.summary, r.output ->> 'result'), 1000) as summary,
  coalesce(d.differs, '{}') as differs
from compared j
left join lateral (
  select w.summary, case when jsonb_typeof(w.output) = 'object' then w.output end as output from jobtrail.results w
  where w.workspace_id = $1 and w.job_id = j.id order by w.generation desc limit 1
) r on true
left join lateral (
  select t.session_id from jobtrail.attempts t
  where t.workspace_id = $1 and t.job_id = j.id and t.session_id is not null order by t.number desc limit 1
) a on true
cross join lateral (
  select count(*) as calls, coalesce(sum(input_tokens), 0)::int8 as input_tokens,
    coalesce(sum(output_tokens), 0)::int8 as output_tokens, coalesce(sum(cached_tokens), 0)::int8 as cached_tokens,
    trim_scale(sum(cost_usd)) as cost_usd, count(*) filter (where cost_usd is null) as unpriced_calls,
    left(string_agg(distinct model, ', ' order by model), 200) as models
  from jobtrail.usage where workspace_id = $1 and job_id = j.id
) u
left join lateral (
  select jsonb_object_agg(p.key,
    case when octet_length(p.value::text) > 2000 then to_jsonb(left(p.value::text, 500) || '…') else p.value end) as differs
  from parts p join differing f on f.key = p.key where p.id = j.id
) d on true
order by j.id desc
