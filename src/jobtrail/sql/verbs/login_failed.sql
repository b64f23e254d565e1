-- Counts a failed login of an address ($2) for an e-mail ($1), and records the 1st, 2nd, 4th, 8th … of them.
-- After $3 quiet seconds it counts anew.
with counted as (
  insert into jobtrail.login_failures as f (email, address) values (lower($1), $2)
  on conflict (email, address) do update set last_at = jobtrail.clock(), failures = case
    when f.last_at < jobtrail.clock() - make_interval(secs => $3::float8) then 1 else least(f.failures, 1000000) + 1 end
  returning email, address, failures
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select '00000000-0000-0000-0000-000000000000', 'login.failed', 'system', 'login', 'email', email,
    jsonb_build_object('address', address, 'failures', failures)
  from counted where failures & (failures - 1) = 0
)
select failures from counted
