-- One group of a workspace with its members.
select g.name, array(select m.member from jobtrail.group_members m where m.workspace_id = g.workspace_id
    and m.group_name = g.name order by m.member) as members, g.created_by, g.created_at
from jobtrail.groups g where g.workspace_id = $1 and g.name = $2
