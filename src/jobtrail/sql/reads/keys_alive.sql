-- Which of these keys still open the door: neither revoked nor expired, and their person a member who may log in.
select k.id from jobtrail.api_keys k
left join jobtrail.users u on u.id = k.user_id
left join jobtrail.memberships m on m.workspace_id = k.workspace_id and m.user_id = k.user_id
where k.id = any ($1::uuid[]) and k.revoked_at is null and (k.expires_at is null or k.expires_at > jobtrail.clock())
  and (k.user_id is null or (m.user_id is not null and u.disabled_at is null))
