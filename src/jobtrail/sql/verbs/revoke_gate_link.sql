-- Makes a link worthless; no row: there is no such link of this gate. One that was used or revoked before stays as it is.
update jobtrail.gate_links set revoked_at = coalesce(revoked_at, case when used_at is null then jobtrail.clock() end)
where workspace_id = $1 and gate_id = $2 and id = $3
returning id, gate_id, person, actor_type::text, actor_id, created_at, expires_at, used_at, revoked_at
