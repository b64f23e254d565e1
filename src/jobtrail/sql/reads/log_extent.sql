-- The numbers of the first line of a job's log and of the line that comes next; both the same where there is none.
select coalesce((select c.first_line from jobtrail.log_chunks c where c.workspace_id = $1 and c.job_id = $2
    order by c.first_line limit 1), 1) as first_line,
  coalesce((select c.first_line + c.lines from jobtrail.log_chunks c where c.workspace_id = $1 and c.job_id = $2
    order by c.first_line desc limit 1), 1) as next_line
