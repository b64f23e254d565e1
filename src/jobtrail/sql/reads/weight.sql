-- What share of the workers a workspace has beside others; no row: it is not there.
select weight::int4 from jobtrail.workspaces where id = $1
