-- Gives a person another password and ends all their logins; told to the installation and to each of their workspaces.
with known as (
  select id from jobtrail.users where id = $1
), changed as (
  insert into jobtrail.passwords (user_id, hash) select id, $2 from known
  on conflict (user_id) do update set hash = excluded.hash, set_at = jobtrail.clock()
  returning user_id
), ended as (
  update jobtrail.login_sessions s set ended_at = jobtrail.clock() from changed c
  where s.user_id = c.user_id and s.ended_at is null
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id)
  select p.workspace_id, 'user.password_set', $3::text::jobtrail.actor_type, $4, 'user', c.user_id
  from changed c cross join (
    select '00000000-0000-0000-0000-000000000000'::uuid as workspace_id
    union all select workspace_id from jobtrail.memberships where user_id = $1
  ) p order by p.workspace_id
)
select user_id from changed
