-- Concurrency keys of which jobs run, in a queue ($2) or anywhere (null): how many do and may, and how many wait, up to $3.
select a.key, a.running::int4, coalesce((select l.max_slots from jobtrail.limits l
    where l.workspace_id = $1 and l.scope = 'KEY' and l.name in (a.key, '*')
    order by l.name = '*' and a.key <> '*' limit 1), a.own)::int4 as limit,
  (select count(*) from (select from jobtrail.ready r where r.queue = a.queue and r.workspace_id = $1
    and r.strand = '=' || a.key limit $3) waits)::int4 as waiting
from (
  select a.concurrency_key as key, min(a.queue) as queue, count(*) as running, min(j.concurrency_limit) as own
  from jobtrail.attempts a join jobtrail.jobs j on j.workspace_id = a.workspace_id and j.id = a.job_id
  where a.workspace_id = $1 and a.ended_at is null and a.concurrency_key is not null
    and ($2::text is null or a.queue = $2)
  group by a.concurrency_key
) a
order by 4 desc, 1
limit 100
