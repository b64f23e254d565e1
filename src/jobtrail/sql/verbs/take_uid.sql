-- Ties a uid to a job that is accepted in the same transaction. No row: a job that was not removed has it, or is known by
-- it ($5) because it was enqueued without one.
insert into jobtrail.nexrender_jobs (workspace_id, job_id, uid, request_sha256)
select $1, $2, $3, $4 where not exists (
  select from jobtrail.jobs j left join jobtrail.nexrender_jobs n on n.workspace_id = j.workspace_id and n.job_id = j.id
  where j.workspace_id = $1 and j.id = $5 and j.type = $6 and n.removed_at is null
)
on conflict (workspace_id, uid) where removed_at is null do nothing
returning job_id
