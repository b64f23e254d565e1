-- Adds somebody ($3) to a group and records it; no row: there is no such group, or they are in it.
with added as (
  insert into jobtrail.group_members (workspace_id, group_name, member, added_by)
  select workspace_id, name, $3, $4::text || ':' || $5::text from jobtrail.groups where workspace_id = $1 and name = $2
  on conflict do nothing
  returning workspace_id, group_name, member
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'group.member_added', $4::text::jobtrail.actor_type, $5, 'group', group_name,
    jsonb_build_object('member', member)
  from added
)
select member from added
