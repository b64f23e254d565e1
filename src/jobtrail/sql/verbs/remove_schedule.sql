-- Removes a schedule with its ticks; its jobs stay, and each still says of which schedule it was.
delete from jobtrail.schedules where workspace_id = $1 and id = $2 returning name
