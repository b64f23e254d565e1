-- Takes a job for this transaction and tells how it stands, so that what follows sees all that was written before.
select status::text from jobtrail.jobs where workspace_id = $1 and id = $2 for update
