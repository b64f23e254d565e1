-- Removes jobs that ended before a time, leaving a tombstone each.
select jobtrail.remove_jobs($1::timestamptz, $2::int4)
