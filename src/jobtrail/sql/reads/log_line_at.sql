-- The number of the last line of a job's log that was written by the time $3; null where none was. What a worker
-- sends more than 10 s late counts from when it came.
select max(c.first_line + l.place - 1) as number
from jobtrail.log_chunks c cross join lateral string_to_table(c.body, E'\n') with ordinality as l (line, place)
where c.workspace_id = $1 and c.job_id = $2 and (l.line::jsonb ->> 'at')::timestamptz <= $3
  and c.first_line between coalesce((
    select b.first_line from jobtrail.log_chunks b where b.workspace_id = $1 and b.job_id = $2 and b.at <= $3
    order by b.first_line desc limit 1), 0) and coalesce((
    select a.first_line from jobtrail.log_chunks a where a.workspace_id = $1 and a.job_id = $2 and a.at > $3 + interval '10 seconds'
    order by a.first_line limit 1), 9223372036854775807)
