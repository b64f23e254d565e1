-- Takes the policies away; workspaces stay.
alter table jobtrail.workspaces drop column policy;
