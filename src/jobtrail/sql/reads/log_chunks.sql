-- Chunks of a job's log from a line on, in order.
select first_line, lines, attempt_id, step_id, at, body
from jobtrail.log_chunks
where workspace_id = $1 and job_id = $2 and first_line + lines > $3 and first_line >= coalesce((
    select b.first_line from jobtrail.log_chunks b
    where b.workspace_id = $1 and b.job_id = $2 and b.first_line <= $3 order by b.first_line desc limit 1), 0)
  and ($4::uuid is null or attempt_id = $4) and ($5::uuid is null or step_id = $5)
  and ($6::text[] is null or levels && $6)
order by first_line limit $7
