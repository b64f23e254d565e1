-- Gives a project another name; no row: it is not there, or another one has the name.
update jobtrail.projects p set name = $3
where p.workspace_id = $1 and p.id = $2
  and not exists (select from jobtrail.projects o where o.workspace_id = $1 and o.name = $3 and o.id <> $2)
returning id, name, created_at
