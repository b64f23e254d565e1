-- The newest job of a task that had a session, or job $3 whatever it had, with the newest session of it. The job that was
-- made under key $4 is passed over: who sends a request again means what stood before it.
select j.id, j.status::text, s.session_id
from jobtrail.jobs j
cross join lateral (
  select coalesce(
    (select a.session_id from jobtrail.attempts a where a.workspace_id = $1 and a.job_id = j.id
      and a.session_id is not null order by a.number desc limit 1),
    (select case when jsonb_typeof(r.output -> 'session_id') = 'string' then r.output ->> 'session_id' end
      from jobtrail.results r where r.workspace_id = $1 and r.job_id = j.id order by r.generation desc limit 1)
  ) as session_id
) s
where j.workspace_id = $1 and j.task_id = $2 and ($3::uuid is null or j.id = $3)
  and ($3::uuid is not null or s.session_id is not null and not exists (select from jobtrail.idempotency_keys k
    where k.workspace_id = $1 and k.key = $4 and k.job_id = j.id))
order by j.id desc limit 1
