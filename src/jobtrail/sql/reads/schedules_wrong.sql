-- Schedules that somebody should look at: paused because they could make no job, or whose newest two ended jobs failed.
select s.id, s.name, case when s.paused_by = $2 then s.paused_reason end as paused_reason,
  case when s.paused_by = $2 then s.paused_at else e.since end as since, e.failed::int4 as failed, e.job_id
from jobtrail.schedules s cross join lateral (
  select count(*) filter (where l.status = 'FAILED') as failed, min(l.completed_at) as since,
    (array_agg(l.id order by l.id desc))[1] as job_id, count(*) as ended
  from (
    select n.id, n.status, n.completed_at from (
      select j.id, j.status, j.completed_at from jobtrail.jobs j
      where j.workspace_id = s.workspace_id and j.schedule_id = s.id order by j.id desc limit 10
    ) n where n.status in ('COMPLETED', 'FAILED', 'CANCELLED') order by n.id desc limit 2
  ) l
) e
where s.workspace_id = $1 and (s.paused_by = $2 or (s.paused_at is null and e.ended = 2 and e.failed = 2))
order by s.paused_by = $2 desc nulls last, since desc limit $3
