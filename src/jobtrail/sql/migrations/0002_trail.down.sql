-- The tables stay; nothing writes their trail any more.
drop trigger keep on jobtrail.jobs;
drop trigger append_only on jobtrail.seals;
drop trigger append_only on jobtrail.events;
drop trigger guard_new on jobtrail.steps;
drop trigger guard_move on jobtrail.steps;
drop trigger guard_new on jobtrail.attempts;
drop trigger guard_move on jobtrail.attempts;
drop trigger write_change on jobtrail.jobs;
drop trigger write_new on jobtrail.jobs;
drop trigger link_change on jobtrail.jobs;
drop trigger link_new on jobtrail.jobs;
drop trigger guard_settled on jobtrail.jobs;
drop function jobtrail.write_trail(), jobtrail.link_job_change(), jobtrail.link_new_job(), jobtrail.link,
  jobtrail.changed_settings, jobtrail.job_terms, jobtrail.job_settings, jobtrail.refuse_change(), jobtrail.refuse_move(),
  jobtrail.is_homeless, jobtrail.holds_key, jobtrail.what_is_wrong;
