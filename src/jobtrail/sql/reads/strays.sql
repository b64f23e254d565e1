-- Open attempts of this worker that it does not know of ($2): a claim whose answer was lost on the way.
select a.workspace_id, a.job_id, a.id from jobtrail.attempts a
where a.ended_at is null and a.worker_id = $1 and a.id <> all ($2::uuid[])
