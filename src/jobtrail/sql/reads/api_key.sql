-- One key of a workspace, without its secret.
select id, name, scopes, user_id, created_by, created_at, expires_at, last_used_at, revoked_at
from jobtrail.api_keys where workspace_id = $1 and id = $2
