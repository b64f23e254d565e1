-- Lets jobs that are held ($1, $2) and wait for others go on, where that for which they wait has come: into their queue,
-- to their time or to the check of their input first; or ends them, where it cannot come any more. Answers the queues.
with waiting as materialized (
  select j.workspace_id, j.id, j.wait_reason, j.on_dependency, bad.needs_id, bad.met_as,
    case
      when j.wait_reason = 'CHILD' then case when not kids.open or kids.woken then 'GO' end
      when j.depends_mode = 'ANY' and (mine.good or (mine.bad and j.on_dependency = 'RUN')) then 'GO'
      when j.depends_mode = 'ALL' and mine.bad and j.on_dependency <> 'RUN' then 'STOP'
      when mine.open then null
      when j.depends_mode = 'ANY' and mine.bad then 'STOP'
      else 'GO'
    end as verdict,
    j.scheduled_at > jobtrail.clock() as early, j.checked and j.attempt_count = 0 as first
  from jobtrail.jobs j
  cross join lateral (
    select exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
        and d.met_at is null and d.step_id is null) as open,
      exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
        and d.met_as in ('FAILED', 'CANCELLED') and d.step_id is null) as bad,
      j.depends_mode = 'ANY' and exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id
        and d.job_id = j.id and d.met_as = 'COMPLETED' and d.step_id is null) as good
  ) mine
  cross join lateral (
    select exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
        and d.met_at is null and d.step_id is not null and d.generation = j.generation) as open,
      exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
        and d.met_as in ('FAILED', 'CANCELLED') and d.step_id is not null and d.wakes
        and d.generation = j.generation) as woken  -- code that was mended may start others than it did before
  ) kids
  left join lateral (
    select d.needs_id, d.met_as from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id
      and d.met_as in ('FAILED', 'CANCELLED') and d.step_id is null order by d.met_at, d.needs_id limit 1
  ) bad on mine.bad
  where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[]) and j.status = 'PENDING'
    and (j.workspace_id, j.id) in (select * from unnest($1::uuid[], $2::uuid[]))  -- ids are unique in a workspace only
    and j.wait_reason in ('DEPENDENCY', 'CHILD')
), moved as (
  update jobtrail.jobs j set actor_type = 'system', actor_id = 'settler', step_id = null,
    status = case when w.verdict = 'STOP' then case w.on_dependency when 'CANCEL' then 'CANCELLED' else 'FAILED' end
      when w.wait_reason = 'DEPENDENCY' and (w.early or w.first) then 'PENDING' else 'QUEUED' end::jobtrail.job_status,
    event = case when w.verdict = 'STOP' then case w.on_dependency when 'CANCEL' then 'job.cancelled' else 'job.failed' end
      when w.wait_reason = 'CHILD' then 'job.resumed' when w.early or w.first then 'job.updated' else 'job.queued' end,
    wait_reason = case when w.verdict = 'GO' and w.wait_reason = 'DEPENDENCY' then
      case when w.early then 'SCHEDULE' when w.first then 'VALIDATION' end end::jobtrail.wait_reason,
    cancel_requested_at = case when w.verdict = 'STOP' and w.on_dependency = 'CANCEL' then jobtrail.clock()
      else j.cancel_requested_at end,
    cancel_reason = case when w.verdict = 'STOP' and w.on_dependency = 'CANCEL'
      then format('job %s, which it needs, is %s', w.needs_id, w.met_as) else j.cancel_reason end,
    error_code = case when w.verdict = 'STOP' and w.on_dependency = 'FAIL' then 'dependency_failed' else j.error_code end,
    error_message = case when w.verdict = 'STOP' and w.on_dependency = 'FAIL'
      then format('job %s, which it needs, is %s', w.needs_id, w.met_as) else j.error_message end,
    note = case when w.verdict = 'STOP' then jsonb_build_object('needs', w.needs_id) end
  from waiting w where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[])
    and j.workspace_id = w.workspace_id and j.id = w.id and w.verdict is not null and j.status = 'PENDING'
  returning j.workspace_id, j.id, j.queue, j.status, j.wait_reason
), untimed as (
  delete from jobtrail.timers t using moved m where t.workspace_id = any ($1::uuid[]) and t.job_id = any ($2::uuid[])
    and t.workspace_id = m.workspace_id and t.job_id = m.id and m.status in ('FAILED', 'CANCELLED')
    and t.type <> 'UNIQUE'
)
select distinct queue from moved where status = 'QUEUED' or wait_reason = 'VALIDATION'
