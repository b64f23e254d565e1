-- The schedules that are due, the one that is due longest first.
select workspace_id, id from jobtrail.schedules where due_at <= (select jobtrail.clock()) order by due_at limit $1
