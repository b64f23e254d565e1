-- What ended since $2, as far as the newest $3 failed and cancelled jobs and the newest $3 attempts tell; `capped`: there may
-- be more, of jobs that were made since a day before $2.
with aborted as materialized (
  select status, aborted_at, created_at from jobtrail.jobs where workspace_id = $1 and aborted_at is not null order by id desc limit $3
), tried as materialized (
  select status, started_at, ended_at from jobtrail.attempts where workspace_id = $1 order by job_id desc, number desc limit $3
)
select
  (select count(*) from aborted where status = 'FAILED' and aborted_at >= $2::timestamptz) as failed,
  (select count(*) from aborted where status = 'CANCELLED' and aborted_at >= $2) as cancelled,
  (select count(*) from tried where status = 'LOST' and ended_at >= $2) as lost_attempts,
  (select count(*) from tried where status = 'TIMED_OUT' and ended_at >= $2) as timed_out_attempts,
  (select count(*) from tried where status = 'FAILED' and ended_at >= $2) as failed_attempts,
  (select count(*) >= $3 and min(created_at) > $2 - interval '1 day' from aborted)
    or (select count(*) >= $3 and min(started_at) > $2 - interval '1 day' from tried) as capped
