-- What stands around every page of a workspace: gates that wait, workers whose lease holds, queues that are paused, up to $2;
-- and whether all of it is paused.
select
  (select count(*) from (select from jobtrail.gates where workspace_id = $1 and status = 'WAITING' limit $2) capped) as gates_waiting,
  (select count(*) from (select from jobtrail.workers where (workspace_id = $1 or workspace_id is null)
    and stopped_at is null and lease_until > jobtrail.clock() limit $2) capped) as workers,
  (select count(*) from (select from jobtrail.queues where workspace_id = $1 and paused_at is not null limit $2) capped) as queues_paused,
  w.paused_at, w.paused_by, w.paused_reason
from (values (true)) one left join jobtrail.workspaces w on w.id = $1
