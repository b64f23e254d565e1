-- Keeps what a render's worker has said of it by now, of a job that is held; and whether clients of nexrender still see it.
insert into jobtrail.nexrender_jobs as n (workspace_id, job_id, uid, request_sha256, said, removed_at)
values ($1, $2, $2::uuid::text, '', $3::text::jsonb, case when $4 then jobtrail.clock() end)
on conflict (workspace_id, job_id) do update set said = excluded.said, removed_at = coalesce(n.removed_at, excluded.removed_at)
returning job_id
