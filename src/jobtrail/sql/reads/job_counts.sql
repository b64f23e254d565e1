-- How many jobs of a workspace stand at each status, counted up to $2; `capped`: there are more, or may be.
with newest as materialized (
  select status from jobtrail.jobs where workspace_id = $1 order by id desc limit 2 * $2::int8
), aborted as materialized (
  select status from jobtrail.jobs where workspace_id = $1 and aborted_at is not null order by id desc limit $2
), waiting as materialized (
  select status from jobtrail.jobs where workspace_id = $1 and wait_reason is not null order by id desc limit $2
), counted (status, number, jobs, seen, most) as (
  select 'PENDING', 1, count(*) filter (where status = 'PENDING'), count(*), $2 from waiting
  union all
  select 'VALIDATING', 2, count(*) filter (where status = 'VALIDATING'), count(*), $2 from waiting
  union all
  select 'QUEUED', 3, n, n, $2 from (select count(*) as n from (
    select from jobtrail.ready where workspace_id = $1 limit $2) a) b
  union all
  select 'RUNNING', 4, n, n, $2 from (select count(*) as n from (
    select from jobtrail.attempts where workspace_id = $1 and ended_at is null order by job_id desc limit $2) a) b
  union all
  select 'COMPLETED', 5, count(*) filter (where status = 'COMPLETED'), count(*), 2 * $2 from newest
  union all
  select 'FAILED', 6, count(*) filter (where status = 'FAILED'), count(*), $2 from aborted
  union all
  select 'CANCELLED', 7, count(*) filter (where status = 'CANCELLED'), count(*), $2 from aborted
)
select status, least(jobs, $2) as jobs, seen >= most as capped from counted order by number
