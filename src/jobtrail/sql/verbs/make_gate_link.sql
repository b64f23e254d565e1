-- Makes a link to a gate that waits and whose job is held, good for $9 seconds; no row: the gate has $10 links already.
insert into jobtrail.gate_links (workspace_id, gate_id, id, person, secret, actor_type, actor_id, as_owner, expires_at)
select $1, $2, $3, $4, $5, $6::text::jobtrail.actor_type, $7, $8, jobtrail.clock() + make_interval(secs => $9::float8)
where (select count(*) from jobtrail.gate_links where workspace_id = $1 and gate_id = $2) < $10
returning id, gate_id, person, actor_type::text, actor_id, created_at, expires_at, used_at, revoked_at
