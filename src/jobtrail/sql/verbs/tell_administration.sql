-- Records what an administrator did, in the transaction that does it.
insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
values ($1, $2, $3::text::jobtrail.actor_type, $4, $5, $6, $7::text::jsonb)
