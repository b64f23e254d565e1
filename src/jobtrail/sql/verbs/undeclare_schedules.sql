-- Notes of the schedules of an app that its code no longer has them; answers their names.
update jobtrail.schedules set undeclared_at = jobtrail.clock()
where workspace_id = $1 and declared_by = $2 and undeclared_at is null and name <> all ($3::text[])
returning name
