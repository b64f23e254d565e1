-- Takes somebody ($3) out of a group and records it; no row: they are not in it.
with removed as (
  delete from jobtrail.group_members where workspace_id = $1 and group_name = $2 and member = $3
  returning workspace_id, group_name, member
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'group.member_removed', $4::text::jobtrail.actor_type, $5, 'group', group_name,
    jsonb_build_object('member', member)
  from removed
)
select member from removed
