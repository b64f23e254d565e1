-- Opens a workspace; no row: the name is taken.
insert into jobtrail.workspaces (id, name) values ($1, $2) on conflict do nothing returning id
