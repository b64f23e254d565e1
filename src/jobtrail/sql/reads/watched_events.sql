-- Up to $4 events of each watched job after its sequence number, in order. Arrays run side by side.
select j.workspace_id, 0::int8 as txid, j.type as job_type, j.queue, j.task_id, j.project_id, j.tags,
  e.job_id, e.seq, e.type, e.status::text, e.step_id, e.attempt_id, e.actor_type::text, e.actor_id, e.payload, e.at,
  encode(e.hash, 'hex') as hash
from unnest($1::uuid[], $2::uuid[], $3::int4[]) as w (workspace_id, id, seq)
join jobtrail.jobs j on j.workspace_id = w.workspace_id and j.id = w.id
cross join lateral (
  select * from jobtrail.events
  where workspace_id = j.workspace_id and job_id = j.id and seq > w.seq and at >= j.created_at
  order by seq limit $4
) e
where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[])
order by e.job_id, e.seq
