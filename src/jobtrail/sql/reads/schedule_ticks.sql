-- A page of the ticks of a schedule, newest first, before one ($3), each with the status of its job.
select t.at, t.last_at, t.ticks, t.outcome::text, t.job_id, t.reason, t.manual, t.made_by, t.made_at, j.status::text
from jobtrail.schedule_ticks t left join jobtrail.jobs j on j.workspace_id = t.workspace_id and j.id = t.job_id
where t.workspace_id = $1 and t.schedule_id = $2 and t.at < coalesce($3, 'infinity'::timestamptz)
order by t.at desc limit $4
