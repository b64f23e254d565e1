-- Makes the days to come of the tables that are kept in days.
select jobtrail.make_partitions($1::int4)
