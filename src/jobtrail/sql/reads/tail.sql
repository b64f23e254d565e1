-- The events of all workspaces (or of $6) after ($1, $2, $3) up to transaction $4, in that order, with what of their
-- jobs a stream is filtered by. None of them is older than $5: that spares older days.
select e.workspace_id, e.txid, j.type as job_type, j.queue, j.task_id, j.project_id, coalesce(j.tags, '{}') as tags,
  e.job_id, e.seq, e.type, e.status::text, e.step_id, e.attempt_id, e.actor_type::text, e.actor_id, e.payload, e.at,
  encode(e.hash, 'hex') as hash
from (
  select * from jobtrail.events
  where txid >= $1::int8 and txid < $4::int8 and (txid, job_id, seq) > ($1::int8, $2::uuid, $3::int4)
    and at >= $5::timestamptz and ($6::uuid is null or workspace_id = $6)
  order by txid, job_id, seq limit $7
) e
left join jobtrail.jobs j on j.workspace_id = e.workspace_id and j.id = e.job_id
order by e.txid, e.job_id, e.seq
