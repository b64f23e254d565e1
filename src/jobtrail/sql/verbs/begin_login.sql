-- Begins a login of $4 seconds and forgets failures before it from there; told to the installation and, without the
-- address, to each workspace of the person. No row: there is no such person, or they are disabled.
with who as (
  select id, email from jobtrail.users where id = $2 and disabled_at is null
), begun as (
  insert into jobtrail.login_sessions (id, user_id, token_hash, address, expires_at)
  select $1, id, $3, $5, jobtrail.clock() + make_interval(secs => $4::float8) from who
  returning id, user_id, address, expires_at
), forgiven as (
  delete from jobtrail.login_failures f using who where f.email = lower(who.email) and f.address = $5
), entered as (
  update jobtrail.memberships m set entered_at = jobtrail.clock() from begun
  where m.user_id = begun.user_id and m.user_id = $2 and m.entered_at is null
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select p.workspace_id, 'login.succeeded', 'user', w.email, 'login_session', b.id,
    jsonb_strip_nulls(jsonb_build_object('user_id', b.user_id, 'address', case when p.of_all then b.address end))
  from begun b cross join who w cross join (
    select '00000000-0000-0000-0000-000000000000'::uuid as workspace_id, true as of_all
    union all select workspace_id, false from jobtrail.memberships where user_id = $2
  ) p order by p.workspace_id
)
select expires_at from begun
