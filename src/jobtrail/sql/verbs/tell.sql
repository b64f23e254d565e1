-- Writes an event that a runner tells while its attempt runs; no row: the attempt is stale.
update jobtrail.jobs set event = $4, note = $5::text::jsonb, step_id = $6, actor_type = 'worker', actor_id = $7
where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING'
returning version
