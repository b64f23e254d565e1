-- Up to $4 log chunks of each watched job that begin with a line or a later one, in order. Arrays run side by side.
select j.workspace_id, j.id as job_id, c.first_line, c.lines, c.attempt_id, c.step_id, c.at, c.body
from unnest($1::uuid[], $2::uuid[], $3::int8[]) as w (workspace_id, id, line)
join jobtrail.jobs j on j.workspace_id = w.workspace_id and j.id = w.id
cross join lateral (
  select * from jobtrail.log_chunks
  where workspace_id = j.workspace_id and job_id = j.id and first_line >= w.line and at >= j.created_at
  order by first_line limit $4
) c
where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[])
order by c.job_id, c.first_line
