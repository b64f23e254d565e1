-- Records a decision. When enough have approved, or one rejects, the gate is decided and the job goes on.
-- Answers the gate's status after it, whether this decision counted, and whether the actor may decide at all.
with found as materialized (
  select * from jobtrail.gates where workspace_id = $1 and id = $2
), held as materialized (
  select j.workspace_id, j.id, j.status, j.wait_reason from jobtrail.jobs j join found f
    on j.workspace_id = f.workspace_id and j.id = f.job_id for update of j
), gate as materialized (
  select g.*, (cardinality(g.approvers) = 0 or $4 = any (g.approvers)) may_decide from jobtrail.gates g
  where g.workspace_id = $1 and g.id = $2 and exists (select from held) for update
), decided as (
  insert into jobtrail.gate_decisions (workspace_id, gate_id, actor_type, actor_id, approved, comment, form)
  select $1, $2, $3::text::jobtrail.actor_type, $4, $5, $6, $7::text::jsonb from gate
  where status = 'WAITING' and may_decide
  on conflict do nothing
  returning approved
), outcome as (
  select case when not d.approved then 'REJECTED'
    when (select count(*) from jobtrail.gate_decisions x where x.workspace_id = $1 and x.gate_id = $2 and x.approved) + 1
      >= g.needed then 'APPROVED' else 'WAITING' end::jobtrail.gate_status as status
  from decided d, gate g
), closed as (
  update jobtrail.gates g set status = o.status, decided_at = jobtrail.clock() from outcome o
  where g.workspace_id = $1 and g.id = $2 and o.status <> 'WAITING'
), told as (
  update jobtrail.jobs j set event = case when $5 then 'gate.approved' else 'gate.rejected' end,
    status = case when o.status = 'WAITING' then j.status else 'QUEUED' end::jobtrail.job_status,
    wait_reason = case when o.status = 'WAITING' then j.wait_reason end,
    step_id = g.step_id, actor_type = $3::text::jobtrail.actor_type, actor_id = $4,
    note = jsonb_strip_nulls(jsonb_build_object('gate_id', $2::uuid, 'comment', $6::text, 'form', $7::text::jsonb))
  from outcome o, gate g where j.workspace_id = $1 and j.id = g.job_id and j.status = 'PENDING' and j.wait_reason = 'GATE'
)
select coalesce((select status from outcome), g.status)::text, exists (select from decided), g.may_decide, g.job_id
from gate g
