-- Ids of a workspace's jobs whose id starts or ends with the given hex digits; at most 3, newest first.
select id from jobtrail.jobs
where workspace_id = $1 and $2 ~ '^[0-9a-f]+$' and (replace(id::text, '-', '') like $2 || '%' or replace(id::text, '-', '') like '%' || $2)
order by id desc limit 3
