-- The worker of this workspace that came under this name before, and whose lease still runs.
select id from jobtrail.workers where workspace_id = $1 and host_id = $2 and name = $3 and stopped_at is null
  and lease_until > jobtrail.clock()
order by lease_until desc limit 1
