-- The workspaces of a person by name, with the role in each.
select m.workspace_id, w.name as workspace, m.role
from jobtrail.memberships m join jobtrail.workspaces w on w.id = m.workspace_id
where m.user_id = $1 order by w.name
