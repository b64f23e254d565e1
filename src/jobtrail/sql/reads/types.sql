-- The types that workers of a workspace ($1) and those that serve all run, or ran before they stopped: how many live ones
-- run each, and what is said of it. Of workers that take the same types the newest one speaks for all.
with seen as (
  select types, started_at, described, stopped_at is null and lease_until > jobtrail.clock() as live
  from jobtrail.workers where workspace_id = $1 or workspace_id is null
), speakers as (
  select distinct on (types) types, started_at, described from seen where described is not null
  order by types, started_at desc
), said as (
  select distinct on (each.key) each.key as type, each.value as about
  from speakers s, jsonb_each(s.described) each order by each.key, s.started_at desc
)
select named.type, 'workers' as source, null::text as origin, said.about->>'description' as description,
  (said.about->>'has_check')::boolean as has_check, (count(*) filter (where seen.live))::int4 as workers,
  null::text as error, null::jsonb as input_schema
from seen cross join lateral unnest(seen.types) named (type) left join said on said.type = named.type
where not starts_with(named.type, 'jobtrail.')
group by named.type, said.about order by named.type
