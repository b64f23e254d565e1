-- What the code said last of a schedule.
select declaration from jobtrail.schedules where workspace_id = $1 and id = $2
