-- Ends all logins of a person, and records it where there were any; answers how many.
with ended as (
  update jobtrail.login_sessions set ended_at = jobtrail.clock()
  where user_id = $1 and ended_at is null and expires_at > jobtrail.clock()
  returning id
), counted as (
  select count(*) as number from ended
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select '00000000-0000-0000-0000-000000000000', 'login.ended', $2::text::jobtrail.actor_type, $3, 'user', $1::uuid,
    jsonb_build_object('logins', number)
  from counted where number > 0
)
select number from counted
