-- Lets one change at a time at the members of a workspace, until the end of the transaction. No row: it is not there.
select id from jobtrail.workspaces where id = $1 for update
