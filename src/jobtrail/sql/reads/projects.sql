-- A page of a workspace's projects below $2, newest first; $3, if any, is a pattern of names in lower case.
select id, name, created_at from jobtrail.projects
where workspace_id = $1 and id < $2 and ($3::text is null or lower(name) like $3)
order by id desc limit $4
