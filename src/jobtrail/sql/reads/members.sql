-- The members of a workspace by their e-mail; a page after the e-mail $2 (null: from the first).
select m.user_id, u.email, u.name, m.role, m.created_at, u.disabled_at
from jobtrail.memberships m join jobtrail.users u on u.id = m.user_id
where m.workspace_id = $1 and ($2::text is null or lower(u.email) > lower($2))
order by lower(u.email) limit $3
