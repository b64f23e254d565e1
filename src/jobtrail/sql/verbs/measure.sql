-- Stores measured values; arrays run side by side.
insert into jobtrail.metrics (workspace_id, job_id, attempt_id, worker_id, value, metric_type, metric_name, unit, queue)
select m.workspace_id, m.job_id, m.attempt_id, $3, m.value, m.type, m.name, m.unit, m.queue
from unnest($1::uuid[], $2::uuid[], $4::uuid[], $5::float8[], $6::text[], $7::text[], $8::text[], $9::text[])
  as m (workspace_id, job_id, attempt_id, value, type, name, unit, queue)
