-- Who an actor ($2, $3) is in a workspace: its voice, the person behind it with their role, whether they may be heard
-- still, and their groups.
with key as (
  select k.id, k.user_id, k.revoked_at is null and coalesce(k.expires_at > jobtrail.clock(), true) as holds
  from jobtrail.api_keys k where $2 = 'api_key' and k.workspace_id = $1 and k.id::text = $3
), person as (
  select lower(u.email) as email, m.role, u.disabled_at is null as holds
  from jobtrail.users u left join jobtrail.memberships m on m.workspace_id = $1 and m.user_id = u.id
  where u.id = (select user_id from key) or ($2 = 'user' and lower(u.email) = lower($3))
), voice as (
  select p.email, p.role, coalesce(k.holds, true) and coalesce(p.holds, true) as holds,
    coalesce('user:' || p.email, lower($2 || ':' || $3)) as id
  from (select) one left join key k on true left join person p on true
)
select id, email, role, holds, array(select distinct g.group_name from jobtrail.group_members g where g.workspace_id = $1
  and g.member = any (array[email, lower($3), case when $2 = 'api_key' then 'key:' || lower($3) end])) as groups
from voice
