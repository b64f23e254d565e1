-- Records progress (percent) and stage of a running attempt; no row: the attempt is stale.
update jobtrail.jobs set event = 'job.progress', progress = coalesce($4, progress), stage = coalesce($5, stage),
  note = $6::text::jsonb, step_id = null, actor_type = 'worker', actor_id = $7
where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING'
returning version
