-- Workers that took attempts with them since $2, as far as the newest $3 attempts tell, and workers whose lease ran out that
-- nobody declared gone yet; the last first, at most $4. `jobs` were running there; `again` of them run or ended elsewhere.
with lost as (
  select a.worker_id, a.job_id, a.number, a.ended_at, a.error_message
  from (select worker_id, job_id, number, status, ended_at, error_message from jobtrail.attempts where workspace_id = $1
    order by job_id desc, number desc limit $3) a
  where a.status = 'LOST' and a.ended_at >= $2::timestamptz
), gone as (
  select l.worker_id, max(l.ended_at) as at, (array_agg(l.error_message order by l.ended_at desc))[1] as why,
    count(*) as jobs, (array_agg(l.job_id order by l.ended_at desc))[1] as job_id,
    count(*) filter (where exists (select from jobtrail.attempts n where n.workspace_id = $1 and n.job_id = l.job_id
      and n.number > l.number)) as again
  from lost l group by l.worker_id
), silent as (
  select id as worker_id, beat_at as at, null::text as why, (select count(*) from jobtrail.attempts a
    where a.workspace_id = $1 and a.worker_id = w.id and a.ended_at is null) as jobs, null::uuid as job_id, 0::int8 as again
  from jobtrail.workers w where (w.workspace_id = $1 or w.workspace_id is null) and w.stopped_at is null
    and w.lease_until <= jobtrail.clock() and w.beat_at >= $2 and w.id not in (select worker_id from gone)
)
select b.worker_id, coalesce(w.name, '') as name, b.at, b.why, b.jobs, b.again, b.job_id
from (select * from gone union all select * from silent) b left join jobtrail.workers w on w.id = b.worker_id
order by b.at desc, b.worker_id limit $4
