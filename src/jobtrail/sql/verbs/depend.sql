-- Notes what jobs that this very transaction accepts wait for ($2 and $3 side by side); what has ended already is met at
-- once, and what has not, and may end right now, is looked at once more after the commit.
with wanted as materialized (
  select distinct w.job_id, w.needs_id from unnest($2::uuid[], $3::uuid[]) as w (job_id, needs_id)
  join jobtrail.jobs j on j.workspace_id = $1 and j.id = w.job_id
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.version = 1 and j.wait_reason = 'DEPENDENCY'
    and j.last_txid = pg_current_xact_id()::text::bigint + jobtrail.txid_base()
), needed as materialized (
  select n.id, n.status, n.status in ('COMPLETED', 'FAILED', 'CANCELLED') as ended from jobtrail.jobs n
  where n.workspace_id = $1 and n.id = any ($3::uuid[])
), made as (
  insert into jobtrail.dependencies (workspace_id, job_id, needs_id, met_at, met_as)
  select $1, w.job_id, w.needs_id, case when n.ended then jobtrail.clock() end, case when n.ended then n.status end
  from wanted w join needed n on n.id = w.needs_id
  on conflict do nothing
), looked_at as (
  insert into jobtrail.settlements (workspace_id, job_id)
  select distinct $1::uuid, n.id from wanted w join needed n on n.id = w.needs_id
  where not n.ended and n.id <> all (array(select job_id from wanted))
)
select distinct job_id from wanted
