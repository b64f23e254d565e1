-- Hands up to $4 jobs to a worker that is to check their input: VALIDATING from now on, each under a token of its own.
-- Who looks at the same jobs at the same time gets others, or none.
with waiting as (
  select workspace_id, job_id from jobtrail.validations
  where worker_id is null and queue = any ($2::text[]) and type = any ($3::text[]) and due_at <= (select jobtrail.clock())
  order by priority desc, job_id limit $4
), held as materialized (
  select j.workspace_id, j.id from jobtrail.jobs j
  where j.workspace_id = any (array(select workspace_id from waiting)) and j.id = any (array(select job_id from waiting))
    and (j.workspace_id, j.id) in (select workspace_id, job_id from waiting)
    and j.status = 'PENDING' and j.wait_reason = 'VALIDATION'
  order by j.id for update skip locked
), taken as (
  update jobtrail.validations v set worker_id = $1, token = gen_random_uuid(), began_at = jobtrail.clock()
  from held h where v.workspace_id = h.workspace_id and v.job_id = h.id
  returning v.workspace_id, v.job_id, v.token, v.tries
), moved as (
  update jobtrail.jobs j set status = 'VALIDATING', event = 'job.validating', actor_type = 'worker',
    actor_id = $1::uuid::text, step_id = null
  from taken t where j.workspace_id = any (array(select workspace_id from taken))
    and j.id = any (array(select job_id from taken)) and j.workspace_id = t.workspace_id and j.id = t.job_id
  returning j.workspace_id, j.id, j.queue, j.type, j.input, j.generation
)
select m.workspace_id, m.id as job_id, t.token, m.queue, m.type, m.input::text, m.generation, t.tries
from moved m join taken t on t.workspace_id = m.workspace_id and t.job_id = m.id
