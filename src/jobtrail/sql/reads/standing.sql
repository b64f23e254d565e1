-- The role of a person in a workspace, and whether others who may log in own it; no row: they are not a member.
select m.role, exists (
  select from jobtrail.memberships o join jobtrail.users u on u.id = o.user_id
  where o.workspace_id = $1 and o.user_id <> $2 and o.role = 'OWNER' and u.disabled_at is null
) as other_owners
from jobtrail.memberships m where m.workspace_id = $1 and m.user_id = $2
