-- Holds jobs that were taken from `settlements` as they are, and tells how they stand; those that somebody is changing
-- right now are left out. Without the hold, an end that is about to be committed could pass by unseen.
select workspace_id, id, status::text, cancel_requested_at is not null as stops from jobtrail.jobs
where workspace_id = any ($1::uuid[]) and id = any ($2::uuid[])
  and (workspace_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))  -- ids are unique in a workspace only
order by id for share skip locked
