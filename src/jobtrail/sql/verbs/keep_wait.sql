-- Notes that a job gives its slot up for a wait, and in which of its generations.
update jobtrail.waits w set generation = j.generation from jobtrail.jobs j
where w.workspace_id = $1 and w.job_id = $2 and w.step_id = $3 and j.workspace_id = $1 and j.id = $2
