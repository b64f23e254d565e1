-- The gates of a workspace that wait ($2 true) or all, or those of one job ($3), oldest question first.
select id, job_id, step_id, question, approvers, needed, form, status::text, asked_at, expires_at, decided_at
from jobtrail.gates
where workspace_id = $1 and (not $2::bool or status = 'WAITING') and ($3::uuid is null or job_id = $3)
order by asked_at limit $4
