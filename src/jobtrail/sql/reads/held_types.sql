-- Types of which jobs wait ready in a queue behind a breaker that is not closed, with how many of them, up to $3 each.
select b.type, b.state::text as state, b.state_at, b.reason, (select count(*) from (select from jobtrail.ready r
  where r.workspace_id = $1 and r.queue = $2 and r.type = b.type limit $3) capped) as jobs
from jobtrail.breakers b where b.workspace_id = $1 and b.state <> 'CLOSED'
  and exists (select from jobtrail.ready r where r.workspace_id = $1 and r.queue = $2 and r.type = b.type)
order by b.type
