-- The voices that are asked by the names $2 (in lower case): of people, keys, members of groups, and those with a role.
with names as (
  select name from unnest($2::text[]) name
), single as (
  select name from names where name not like 'role:%' and name not like 'group:%'
    and not exists (select from jobtrail.groups g where g.workspace_id = $1 and g.name = names.name)
  union
  select m.member from jobtrail.group_members m join names n on n.name in (m.group_name, 'group:' || m.group_name)
  where m.workspace_id = $1
), bare as (
  select regexp_replace(name, '^(user|key):', '') as id, name like 'key:%' as is_key from single
)
select coalesce('user:' || lower(u.email), case when k.id is not null or b.is_key then 'api_key:' else 'user:' end || b.id)
from bare b left join jobtrail.api_keys k on k.workspace_id = $1 and k.id::text = b.id
left join jobtrail.users u on u.id = k.user_id
union
select 'user:' || lower(u.email) from jobtrail.memberships m join jobtrail.users u on u.id = m.user_id
join names n on n.name like 'role:%' and array_position(array['viewer', 'operator', 'admin', 'owner'], lower(m.role))
  >= array_position(array['viewer', 'operator', 'admin', 'owner'], substr(n.name, 6))
where m.workspace_id = $1 and u.disabled_at is null
