-- A page of assets, newest first, before the id $2 (null: from the newest). $3 says where they are looked for: ANY,
-- JOB ($4), TASK ($5) or NAME ($6); $10 and $11 are patterns of name and media type. At most $8 are looked through for the rest; the last of so many comes too, so that
-- the next page can begin there: `reached`.
select id, job_id, attempt_id, step_id, name, role, media_type, byte_size, sha256, storage_key, created_at,
  source_task_id, created_by, wanted, reached
from (
  select a.*, ($4::uuid is null or job_id = $4) and ($5::uuid is null or source_task_id = $5)
      and ($6::text is null or name = $6) and ($7::text is null or role = $7)
      and ($10::text is null or lower(name) like $10) and ($11::text[] is null or media_type like any ($11)) as wanted,
    row_number() over (order by id desc) = $8::int8 as reached
  from (
    (select * from jobtrail.assets where 'ANY' = $3::text and workspace_id = $1
      and id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $8)
    union all
    (select * from jobtrail.assets where 'JOB' = $3 and workspace_id = $1 and job_id = $4
      and id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $8)
    union all
    (select * from jobtrail.assets where 'TASK' = $3 and workspace_id = $1 and source_task_id = $5
      and id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $8)
    union all
    (select * from jobtrail.assets where 'NAME' = $3 and workspace_id = $1 and name = $6
      and id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $8)
  ) a
) looked
where wanted or reached order by id desc limit $9
