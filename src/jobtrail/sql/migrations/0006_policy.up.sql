-- What a workspace allows its runners: hosts, scripts, modules. Empty: what each runner allows by itself.
alter table jobtrail.workspaces add column policy jsonb not null default '{}' check (jsonb_typeof(policy) = 'object');
