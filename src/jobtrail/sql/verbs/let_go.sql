-- A step ($3) of a job does not wait any longer for what it started: its code knows of the failure.
update jobtrail.dependencies set wakes = false, met_at = coalesce(met_at, jobtrail.clock())
where workspace_id = $1 and job_id = $2 and step_id = $3 and (wakes or met_at is null)
