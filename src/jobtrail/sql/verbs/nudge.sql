-- Hints that there is something new for a queue (or, as `!`, for upkeep and running attempts). Carries no data.
select pg_notify('jobtrail', $1)
