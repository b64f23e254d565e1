-- The limits of a workspace, and how much of each is used now by what runs.
with running as materialized (
  select queue, type, concurrency_key, slots from jobtrail.attempts where workspace_id = $1 and ended_at is null
)
select l.id, l.scope::text, l.name, l.source::text, l.max_slots, l.rate_count, l.rate_seconds, l.rate_kind::text, l.burst,
  l.set_by, l.set_at, l.reason,
  coalesce(case l.scope
    when 'WORKSPACE' then (select sum(slots) from running)
    when 'QUEUE' then (select sum(slots) from running where queue = l.name)
    when 'TYPE' then (select sum(slots) from running where type = l.name)
    else (select count(*) from running where concurrency_key is not null and (l.name = '*' or concurrency_key = l.name)
      group by concurrency_key order by count(*) desc limit 1)
  end, 0)::int4 as used_slots, r.starts as starts_left, r.again_ms
from jobtrail.limits l cross join lateral jobtrail.rate_room(l, jobtrail.clock()) r
where l.workspace_id = $1
order by l.scope, l.name, l.source
limit 1000
