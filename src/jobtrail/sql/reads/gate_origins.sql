-- The voices of those who enqueued the jobs that ask at the gates $2, and the jobs at the head of their trees; where a schedule
-- did, of those who made the schedule or changed it, be it gone or not.
select distinct g.id as gate_id, coalesce('user:' || lower(u.email), lower(o.made_by)) as voice
from jobtrail.gates g
cross join lateral (select j.id, j.root_id from jobtrail.jobs j where j.workspace_id = $1 and j.id = g.job_id limit 1) asks
cross join lateral (select j.created_by, j.schedule_id from jobtrail.jobs j
  where j.workspace_id = $1 and j.id = any (array[asks.id, asks.root_id]) limit 2) head
cross join lateral (
  select head.created_by as made_by
  union all
  select s.created_by from jobtrail.schedules s where s.workspace_id = $1 and s.id = head.schedule_id
  union all
  select e.actor_type || ':' || e.actor_id from jobtrail.administration_events e
  where e.workspace_id = $1 and e.subject_type = 'schedule' and e.subject_id = head.schedule_id::text
    and e.type in ('schedule.created', 'schedule.updated')
) o
left join jobtrail.api_keys k on k.workspace_id = $1 and o.made_by = 'api_key:' || k.id
left join jobtrail.users u on u.id = k.user_id
where g.workspace_id = $1 and g.id = any ($2::uuid[]) and o.made_by is not null
