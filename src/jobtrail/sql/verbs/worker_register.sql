-- Makes a worker known; its lease runs from now by the database's clock. $13: the one workspace that it serves, if one.
-- $14: what it says of its types.
insert into jobtrail.workers (id, name, host, host_id, process_id, lock_key, lease_seconds, slots, version, queues, types,
  lease_until, process_started, workspace_id, described)
values ($1, $2, $3, $4, $5, $6, $7::float8, $8, $9, $10, $11,
  jobtrail.clock() + make_interval(secs => $7::float8), $12::float8, $13, $14::text::jsonb)
