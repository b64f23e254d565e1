-- Ends the gates whose time is over, so that their jobs go on and learn that nobody decided; asks more people at those
-- that nobody has decided for long enough.
with due as (
  select workspace_id, job_id, due_at from jobtrail.timers where type = 'GATE' and due_at <= (select jobtrail.clock())
  order by due_at limit $1
), held as (
  select j.workspace_id, j.id, j.status, j.wait_reason from jobtrail.jobs j
  where j.workspace_id = any (array(select workspace_id from due)) and j.id = any (array(select job_id from due))
  for update of j skip locked
), over as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from held h
  where g.workspace_id = any (array(select workspace_id from held)) and g.job_id = any (array(select id from held))
    and g.workspace_id = h.workspace_id and g.job_id = h.id and g.status = 'WAITING'
    and g.expires_at <= jobtrail.clock()
  returning g.workspace_id, g.job_id, g.id, g.step_id, g.on_expire
), escalated as (
  update jobtrail.gates g set approvers = g.approvers || g.escalate_to, escalate_at = null from held h
  where g.workspace_id = any (array(select workspace_id from held)) and g.job_id = any (array(select id from held))
    and g.workspace_id = h.workspace_id and g.job_id = h.id and g.status = 'WAITING'
    and g.escalate_at <= jobtrail.clock() and not exists (select from over o where o.id = g.id)
  returning g.workspace_id, g.job_id, g.id, g.step_id, g.escalate_to, g.expires_at
), moved as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'gate.expired', wait_reason = null, step_id = o.step_id,
    actor_type = 'system', actor_id = 'stager', note = jsonb_build_object('gate_id', o.id, 'on_expire', o.on_expire)
  from over o where j.workspace_id = any (array(select workspace_id from over))
    and j.id = any (array(select job_id from over)) and j.workspace_id = o.workspace_id and j.id = o.job_id
    and j.status = 'PENDING' and j.wait_reason = 'GATE'
  returning j.queue
), told as (
  update jobtrail.jobs j set event = 'job.updated', step_id = null, actor_type = 'system', actor_id = 'stager',
    note = jsonb_build_object('gate_id', e.id, 'escalated_to', e.escalate_to)
  from escalated e where j.workspace_id = any (array(select workspace_id from escalated))
    and j.id = any (array(select job_id from escalated)) and j.workspace_id = e.workspace_id and j.id = e.job_id
    and j.status = 'PENDING' and j.wait_reason = 'GATE'
), again as (
  update jobtrail.timers t set due_at = e.expires_at from escalated e
  where t.workspace_id = any (array(select workspace_id from escalated))
    and t.job_id = any (array(select job_id from escalated)) and t.workspace_id = e.workspace_id
    and t.job_id = e.job_id and t.type = 'GATE' and e.expires_at is not null
), done as (
  delete from jobtrail.timers t using due d join held h on h.workspace_id = d.workspace_id and h.id = d.job_id
  where t.workspace_id = any (array(select workspace_id from due)) and t.job_id = any (array(select job_id from due))
    and t.workspace_id = d.workspace_id and t.job_id = d.job_id and t.type = 'GATE' and t.due_at = d.due_at
    and not exists (select from escalated e where e.job_id = t.job_id and e.workspace_id = t.workspace_id
      and e.expires_at is not null)
)
select count(*), coalesce(array_agg(distinct queue), '{}') from moved
