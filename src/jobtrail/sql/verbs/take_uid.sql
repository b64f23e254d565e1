-- Ties a uid to a job that is accepted in the same transaction. No row: a job that was not removed has it.
insert into jobtrail.nexrender_jobs (workspace_id, job_id, uid, request_sha256) values ($1, $2, $3, $4)
on conflict (workspace_id, uid) where removed_at is null do nothing
returning job_id
