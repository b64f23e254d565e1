-- The webhooks of a workspace, or the one with an id, oldest first; never their secrets.
select id, url, events, types, queues, description, secret_before_until, disabled_at, disabled_reason, created_by,
  created_at, updated_at, version
from jobtrail.webhooks where workspace_id = $1 and ($2::uuid is null or id = $2) order by id
