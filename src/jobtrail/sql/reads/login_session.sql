-- The login of a token that holds still, unless it was idle for $2 seconds: one row for each workspace of its person.
select s.id, s.user_id, u.email, u.name, s.created_at, s.expires_at, s.seen_at, m.workspace_id, w.name as workspace, m.role
from jobtrail.login_sessions s
join jobtrail.users u on u.id = s.user_id
left join (jobtrail.memberships m join jobtrail.workspaces w on w.id = m.workspace_id) on m.user_id = s.user_id
where s.token_hash = $1 and s.ended_at is null and s.expires_at > jobtrail.clock() and u.disabled_at is null
  and s.seen_at > jobtrail.clock() - make_interval(secs => $2::float8)
order by w.name
