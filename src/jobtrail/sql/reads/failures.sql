-- The newest $2 FAILED jobs of a workspace in groups of errors that are alike, the last seen first: at most $5 groups of what
-- failed since $3, or only the group $4, with how many failed in each 24th of the time until now. One row at least: the
-- first columns say how many failures were looked at and, where there may be more, of jobs made since when.
with looked as materialized (
  select id, type, status, error_code, aborted_at, created_at,
    case when status = 'FAILED' then jobtrail.fingerprint(error_code, error_message) end as fingerprint
  from (select id, type, status, error_code, error_message, aborted_at, created_at from jobtrail.jobs
    where workspace_id = $1 and aborted_at is not null order by id desc limit 2 * $2::int8) newest
), failed as materialized (
  select * from looked where status = 'FAILED' order by id desc limit $2
), span as (
  select count(*) as jobs,
    case when count(*) >= $2 then min(created_at) when (select count(*) from looked) >= 2 * $2
      then (select min(created_at) from looked) end as made_since,
    coalesce($3::timestamptz, min(aborted_at), jobtrail.clock()) as since, jobtrail.clock() as until from failed
), since as materialized (
  select f.id, f.type, f.error_code, f.aborted_at, f.fingerprint,
    least(23, floor(24 * extract(epoch from f.aborted_at - s.since)
      / greatest(extract(epoch from s.until - s.since), 1)))::int4 as bucket
  from failed f cross join span s where f.aborted_at >= s.since and ($4::text is null or f.fingerprint = $4)
), groups as (
  select fingerprint, (array_agg(error_code order by aborted_at desc))[1] as error_code,
    count(*) as jobs, max(aborted_at) as last_at, (array_agg(id order by aborted_at desc))[1:5] as job_ids
  from since group by fingerprint
), types as (
  select fingerprint, jsonb_object_agg(type, jobs) as types
  from (select fingerprint, type, count(*) as jobs from since group by 1, 2) t group by fingerprint
), trend as (
  select fingerprint, jsonb_object_agg(bucket, jobs) as trend
  from (select fingerprint, bucket, count(*) as jobs from since group by 1, 2) b group by fingerprint
), first as (
  select fingerprint, min(aborted_at) as first_at from failed group by fingerprint
), shown as (
  select g.fingerprint, g.error_code, t.types, g.jobs, f.first_at, g.last_at, b.trend, g.job_ids,
    count(*) over () as groups
  from groups g join types t using (fingerprint) join trend b using (fingerprint) join first f using (fingerprint)
  order by g.last_at desc, g.fingerprint limit $5
)
select s.jobs as looked_at, s.made_since, s.since, s.until, g.groups, g.fingerprint, g.error_code, m.message, g.types,
  g.jobs, g.first_at, g.last_at, g.trend, g.job_ids, k.status as mark, k.note, k.marked_by, k.marked_at
from span s left join shown g on true
left join jobtrail.error_marks k on k.workspace_id = $1 and k.fingerprint = g.fingerprint
left join lateral (select left(j.error_message, 2000) as message from jobtrail.jobs j
  where j.workspace_id = $1 and j.id = g.job_ids[1] limit 1) m on true
order by g.last_at desc nulls last, g.fingerprint
