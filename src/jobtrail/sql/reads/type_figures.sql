-- How the newest $3 jobs of each type ($2) of a workspace went.
select wanted.type, found.jobs, found.completed, found.failed, found.cancelled, found.open, found.middle_seconds,
  found.slow_seconds, found.queues, found.newest_at
from unnest($2::text[]) wanted (type)
cross join lateral (
  select count(*)::int4 as jobs, (count(*) filter (where status = 'COMPLETED'))::int4 as completed,
    (count(*) filter (where status = 'FAILED'))::int4 as failed,
    (count(*) filter (where status = 'CANCELLED'))::int4 as cancelled,
    (count(*) filter (where status not in ('COMPLETED', 'FAILED', 'CANCELLED')))::int4 as open,
    percentile_cont(0.5) within group (order by actual_seconds::float8) filter (where status = 'COMPLETED') as middle_seconds,
    percentile_cont(0.95) within group (order by actual_seconds::float8) filter (where status = 'COMPLETED') as slow_seconds,
    coalesce(array_agg(distinct queue), '{}') as queues, max(created_at) as newest_at
  from (select j.status, j.actual_seconds, j.queue, j.created_at from jobtrail.jobs j
    where j.workspace_id = $1 and j.type = wanted.type order by j.id desc limit $3) newest
) found
order by wanted.type
