-- How many rows of a workspace wait in `ready`, counted up to $2.
select count(*) from (select from jobtrail.ready where workspace_id = $1 limit $2) waiting
