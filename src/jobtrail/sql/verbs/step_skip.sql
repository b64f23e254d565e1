-- Records a step that is not to run in this attempt; a COMPLETED one stays as it is. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), skipped as (
  insert into jobtrail.steps as s (workspace_id, job_id, id, attempt_id, ordinal, key, name, phase, type, status,
    completed_at, error_message)
  select $1, $2, $4, $3, coalesce((select max(ordinal) + 1 from jobtrail.steps where workspace_id = $1 and job_id = $2), 1),
    $5, $6, $7::text::jobtrail.phase, $8::text::jobtrail.step_type, 'SKIPPED', jobtrail.clock(), $9 from held
  on conflict (workspace_id, job_id, key) do nothing
  returning s.id
)
update jobtrail.jobs j set event = 'step.skipped', step_id = s.id, actor_type = 'worker', actor_id = $10,
  note = jsonb_build_object('step', $6::text, 'key', $5::text, 'why', $9::text)
from skipped s where j.workspace_id = $1 and j.id = $2
returning j.version
