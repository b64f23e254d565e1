-- What a workspace allows its runners.
select policy from jobtrail.workspaces where id = $1
