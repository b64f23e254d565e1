-- Notes that a schedule stands in the code of an app, and what it says there.
update jobtrail.schedules set declared_by = $3, declaration = $4, undeclared_at = null
where workspace_id = $1 and id = $2
