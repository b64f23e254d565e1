-- How some jobs stand or ended, with their results.
select j.id as job_id, j.type, j.status::text, case when j.status = 'COMPLETED' then r.output::text end as output,
  case when j.status = 'CANCELLED' then 'cancelled' else j.error_code end as error_code,
  case when j.status = 'CANCELLED' then coalesce(j.cancel_reason, j.error_message) else j.error_message end as error_message
from jobtrail.jobs j
left join jobtrail.results r on r.workspace_id = $1 and r.job_id = j.id and r.generation = j.generation
where j.workspace_id = $1 and j.id = any ($2::uuid[]) and (r.job_id is null or r.job_id = any ($2::uuid[]))
