-- A page of a workspace's keys, newest first, before the cursor $2 (null: from the newest); never their secrets.
select id, name, scopes, user_id, created_by, created_at, expires_at, last_used_at, revoked_at
from jobtrail.api_keys where workspace_id = $1 and ($2::uuid is null or id < $2)
order by id desc limit $3
