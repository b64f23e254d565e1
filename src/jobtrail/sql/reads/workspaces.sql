-- The workspaces that one person is a member of ($1; null: all of the installation), by name, after the name $2.
select id, name, created_at, paused_at, paused_by, paused_reason from jobtrail.workspaces
where ($1::uuid is null or id in (select workspace_id from jobtrail.memberships where user_id = $1))
  and ($2::text is null or name > $2)
order by name limit $3
