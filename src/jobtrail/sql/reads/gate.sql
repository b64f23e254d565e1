-- One gate of a workspace.
select id, job_id, step_id, question, approvers, needed, form, status::text, asked_at, expires_at, decided_at,
  on_expire::text, rejections::text, no_self_approval, comment_required, escalate_to, escalate_at
from jobtrail.gates where workspace_id = $1 and id = $2
