-- Shuts a person out ($2 true: their logins end, their keys open nothing) or lets them in again. No row: as it was.
with changed as (
  update jobtrail.users set disabled_at = case when $2::bool then jobtrail.clock() end
  where id = $1 and (disabled_at is null) = $2
  returning id
), ended as (
  update jobtrail.login_sessions s set ended_at = jobtrail.clock() from changed c
  where $2 and s.user_id = c.id and s.ended_at is null
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id)
  select p.workspace_id, case when $2 then 'user.disabled' else 'user.enabled' end, $3::text::jobtrail.actor_type, $4,
    'user', c.id
  from changed c cross join (
    select '00000000-0000-0000-0000-000000000000'::uuid as workspace_id
    union all select workspace_id from jobtrail.memberships where user_id = $1
  ) p order by p.workspace_id
)
select id from changed
