-- Records what an actor says at a gate whose job is held, in place of what the same voice said before. $5: approved, or
-- null where the voice takes back what it said. $9: how the gate stands after it; if it is decided, its job goes on.
with gate as materialized (
  select * from jobtrail.gates where workspace_id = $1 and id = $2 and status = 'WAITING' for update
), unsaid as (
  update jobtrail.gate_decisions d set superseded_at = jobtrail.clock() from gate g
  where d.workspace_id = $1 and d.gate_id = g.id and d.voice = $8 and d.superseded_at is null
  returning d.voice
), said as (  -- after what it supersedes: one voice says one thing
  insert into jobtrail.gate_decisions (workspace_id, gate_id, actor_type, actor_id, approved, comment, form, voice, link_id)
  select $1, $2, $3::text::jobtrail.actor_type, $4, $5, $6, $7::text::jsonb, $8, $10 from gate
  where $5::bool is not null and (select count(*) from unsaid) >= 0
), used as (
  update jobtrail.gate_links l set used_at = jobtrail.clock() from gate g
  where l.workspace_id = $1 and l.gate_id = g.id and l.id = $10
), closed as (
  update jobtrail.gates g set status = $9::text::jobtrail.gate_status, decided_at = jobtrail.clock() from gate o
  where g.workspace_id = $1 and g.id = o.id and $9 <> 'WAITING'
), told as (
  update jobtrail.jobs j set
    event = case when $5 is null then 'job.updated' when $5 then 'gate.approved' else 'gate.rejected' end,
    status = case when $9 = 'WAITING' then j.status else 'QUEUED' end::jobtrail.job_status,
    wait_reason = case when $9 = 'WAITING' then j.wait_reason end,
    step_id = case when $5 is not null then g.step_id end, actor_type = $3::text::jobtrail.actor_type, actor_id = $4,
    note = $11::text::jsonb
  from gate g where j.workspace_id = $1 and j.id = g.job_id and j.status = 'PENDING' and j.wait_reason = 'GATE'
), untimed as (
  delete from jobtrail.timers t using gate g
  where t.workspace_id = $1 and t.job_id = g.job_id and t.type = 'GATE' and $9 <> 'WAITING'
)
select id from gate
