-- Drops the days of events, log_chunks or metrics that ended before a time.
select jobtrail.drop_partitions($1::text, $2::timestamptz)
