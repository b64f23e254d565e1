drop table jobtrail.waits, jobtrail.gate_links, jobtrail.group_members, jobtrail.groups;
drop index jobtrail.gate_decisions_one_per_voice;
alter table jobtrail.gate_decisions drop constraint gate_decisions_pkey, drop column number, drop column voice,
  drop column link_id, drop column superseded_at, add primary key (workspace_id, gate_id, actor_type, actor_id);
alter table jobtrail.gates drop column on_expire, drop column rejections, drop column no_self_approval,
  drop column comment_required, drop column escalate_to, drop column escalate_at;
drop type jobtrail.gate_rejection, jobtrail.gate_expiry;
