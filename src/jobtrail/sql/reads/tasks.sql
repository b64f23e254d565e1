-- A page of a workspace's tasks below $2, newest first, among at most $3. What is not asked for is null.
select id, project_id, title, description, prompt, config, tags, status::text, priority, version, created_at, updated_at
from (
  select * from jobtrail.tasks where workspace_id = $1 and id < $2 order by id desc limit $3
) t
where ($4::text[] is null or status = any ($4::jobtrail.task_status[])) and ($5::uuid is null or project_id = $5)
  and ($6::text[] is null or tags && $6)
  and ($7::text[] is null or lower(concat_ws(E'\n', title, description)) like all ($7))
order by id desc limit $8
