-- Removes an asset that no job holds and records it. No row: it is not there, or a job holds it.
with gone as (
  delete from jobtrail.assets where workspace_id = $1 and id = $2 and job_id is null
  returning workspace_id, id, name, byte_size, sha256
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'asset.removed', $3::text::jobtrail.actor_type, $4, 'asset', id,
    jsonb_build_object('name', name, 'byte_size', byte_size, 'sha256', sha256)
  from gone
)
select id from gone
