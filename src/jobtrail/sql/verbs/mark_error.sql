-- Says of the errors of a fingerprint that people know of them (MUTED) or that they are mended (RESOLVED), and records it.
with marked as (
  insert into jobtrail.error_marks as m (workspace_id, fingerprint, status, note, marked_by)
  values ($1, $2, $3, $4, $5::text || ':' || $6::text)
  on conflict (workspace_id, fingerprint) do update set status = excluded.status, note = excluded.note,
    marked_by = excluded.marked_by, marked_at = jobtrail.clock()
  returning workspace_id, fingerprint
)
insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
select workspace_id, 'error.' || lower($3), $5::text::jobtrail.actor_type, $6, 'error', fingerprint,
  jsonb_strip_nulls(jsonb_build_object('note', $4::text))
from marked
