-- Gives a webhook another secret; the one before signs as well for so many seconds more.
update jobtrail.webhooks set secret = $3, secret_before = secret,
  secret_before_until = jobtrail.clock() + make_interval(secs => $4),
  updated_at = jobtrail.clock(), version = version + 1
where workspace_id = $1 and id = $2
returning secret_before_until
