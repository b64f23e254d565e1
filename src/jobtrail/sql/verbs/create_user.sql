-- Makes a person known to the installation, with a password ($4) or none; no row: the e-mail is taken.
with made as (
  insert into jobtrail.users (id, email, name) values ($1, $2, $3) on conflict do nothing
  returning *
), secret as (
  insert into jobtrail.passwords (user_id, hash) select id, $4 from made where $4::text is not null
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select '00000000-0000-0000-0000-000000000000', 'user.created', $5::text::jobtrail.actor_type, $6, 'user', id,
    jsonb_build_object('email', email, 'name', name)
  from made
)
select id, email, name, created_at, disabled_at from made
