-- One type ($2) that workers of a workspace ($1) and those that serve all run, or ran before they stopped, with the schema
-- of its input; the newest worker that says something of it speaks. No row: none of them knows it.
select $2::text as type, 'workers' as source, null::text as origin, said.about->>'description' as description,
  (said.about->>'has_check')::boolean as has_check, known.workers, null::text as error,
  said.about->'input_schema' as input_schema
from (
  select (count(*) filter (where stopped_at is null and lease_until > jobtrail.clock()))::int4 as workers, count(*) as ever
  from jobtrail.workers where (workspace_id = $1 or workspace_id is null) and $2::text = any (types)
) known left join lateral (
  select s.described->$2::text as about from (
    select distinct on (types) types, started_at, described from jobtrail.workers
    where (workspace_id = $1 or workspace_id is null) and $2::text = any (types) and described is not null
    order by types, started_at desc
  ) s where s.described ? $2::text order by s.started_at desc limit 1
) said on true
where known.ever > 0 and not starts_with($2::text, 'jobtrail.')
