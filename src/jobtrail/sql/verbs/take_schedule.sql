-- Locks a schedule if it is due and nobody else holds it.
select id from jobtrail.schedules where workspace_id = $1 and id = $2 and due_at <= (select jobtrail.clock())
for update skip locked
