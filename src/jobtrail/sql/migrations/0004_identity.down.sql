-- Takes people, keys and the record of administration away; workspaces and jobs stay.
drop function jobtrail.administration_link(bytea, jobtrail.administration_events);
drop table jobtrail.administration_events, jobtrail.login_failures, jobtrail.login_sessions, jobtrail.api_keys,
  jobtrail.memberships, jobtrail.passwords, jobtrail.users;
drop function jobtrail.link_administration();
