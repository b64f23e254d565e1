-- The first line of a job's log that was stored after the event $3 (or at all, where that is gone), or the number that
-- the next line will get.
select coalesce(
  (select min(c.first_line) from jobtrail.log_chunks c where c.workspace_id = $1 and c.job_id = $2 and c.at >= coalesce((
    select e.at from jobtrail.events e where e.workspace_id = $1 and e.job_id = $2 and e.seq = $3), '-infinity')),
  (select max(c.first_line + c.lines) from jobtrail.log_chunks c where c.workspace_id = $1 and c.job_id = $2), 1) as line
