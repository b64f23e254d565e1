-- Takes the job of a gate, so that decisions come one after the other and each sees those before it. No row: no gate.
select j.id from jobtrail.gates g join jobtrail.jobs j on j.workspace_id = g.workspace_id and j.id = g.job_id
where g.workspace_id = $1 and g.id = $2
for update of j
