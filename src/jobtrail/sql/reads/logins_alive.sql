-- Which of these logins hold still.
select s.id from jobtrail.login_sessions s join jobtrail.users u on u.id = s.user_id
where s.id = any ($1::uuid[]) and s.ended_at is null and s.expires_at > jobtrail.clock() and u.disabled_at is null
