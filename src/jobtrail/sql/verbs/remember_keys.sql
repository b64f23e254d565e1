-- Ties idempotency keys to jobs, in the order of the keys, so that two who share keys do not deadlock; answers those
-- that were not taken. The arrays run side by side.
insert into jobtrail.idempotency_keys (workspace_id, key, job_id, request_sha256)
select $1, wanted.key, wanted.job_id, wanted.request_sha256
from unnest($2::text[], $3::uuid[], $4::bytea[]) as wanted (key, job_id, request_sha256) order by wanted.key
on conflict do nothing
returning key
