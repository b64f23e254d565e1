-- Leaves jobs for a later look, because somebody holds a job that they concern; those that are gone concern nobody.
insert into jobtrail.settlements (workspace_id, job_id)
select left_over.workspace_id, left_over.job_id from unnest($1::uuid[], $2::uuid[]) as left_over (workspace_id, job_id)
join jobtrail.jobs j on j.workspace_id = left_over.workspace_id and j.id = left_over.job_id
where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[])
