-- A job knows which jobs were rerun from it. Only reruns pay for that.

create index jobs_by_rerun on jobtrail.jobs (workspace_id, rerun_of, id) where rerun_of is not null;
