-- The events of a job that begin or end something that lasts, in order, up to $3 of them; without their hashes. Left out
-- is a step that ran once and ended by itself: its row knows all of it.
select job_id, seq, type, status::text, step_id, attempt_id, actor_type::text, actor_id, payload::jsonb, at, ''::bytea as hash
from (
  select e.*,
    count(*) filter (where e.type in ('step.started', 'gate.started')) over (partition by e.step_id) as begins,
    count(*) filter (where e.type in ('step.completed', 'step.failed', 'step.skipped', 'gate.passed', 'gate.failed'))
      over (partition by e.step_id) as ends
  from jobtrail.events e
  where e.workspace_id = $1 and e.job_id = $2
    and e.type <> all ('{job.progress,step.progress,ai.tool_called,ai.tokens_used,ai.artifact_created,artifact.created}')
) told
where begins <> 1 or ends <> 1 or type <> all (
  '{step.started,gate.started,step.completed,step.failed,step.skipped,gate.passed,gate.failed}')
order by seq limit $3
