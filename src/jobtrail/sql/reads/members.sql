-- The members of a workspace by their e-mail; a page after the e-mail $2 (null: from the first). Whoever has not logged in
-- since they were added did nothing to be told of: a workspace does not learn here who they are elsewhere.
select m.user_id, u.email, case when known.whole then u.name else split_part(u.email, '@', 1) end as name, m.role,
  m.created_at, case when known.whole then u.disabled_at end as disabled_at
from jobtrail.memberships m join jobtrail.users u on u.id = m.user_id
cross join lateral (select m.entered_at is not null or (select jobtrail.serves_all()) as whole) known
where m.workspace_id = $1 and ($2::text is null or lower(u.email) > lower($2))
order by lower(u.email) limit $3
