-- Notes that keys were used, at most once a minute each; two who note at once do not wait for each other.
update jobtrail.api_keys k set last_used_at = jobtrail.clock() from (
  select workspace_id, id from jobtrail.api_keys
  where id = any ($1::uuid[]) and (last_used_at is null or last_used_at < jobtrail.clock() - interval '1 minute')
  order by id for update skip locked
) used
where k.workspace_id = used.workspace_id and k.id = used.id
