-- Takes back what was said of the errors of a fingerprint, and records it; no row: nothing was.
with unmarked as (
  delete from jobtrail.error_marks where workspace_id = $1 and fingerprint = $2 returning workspace_id, fingerprint
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'error.reopened', $3::text::jobtrail.actor_type, $4, 'error', fingerprint, '{}'::jsonb from unmarked
)
select fingerprint from unmarked
