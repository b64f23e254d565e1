-- How attempts ended, for those whose end found them no longer open.
select a.id, a.status::text from jobtrail.attempts a
where a.workspace_id = any ($1::uuid[]) and a.job_id = any ($2::uuid[]) and a.id = any ($3::uuid[])
  and a.ended_at is not null
