-- The jobs that a step started, in their order, and for which generation of its job.
select needs_id, generation from jobtrail.dependencies where workspace_id = $1 and job_id = $2 and step_id = $3 order by place
