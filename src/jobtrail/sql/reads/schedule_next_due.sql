-- In how many seconds a schedule is due next.
select extract(epoch from min(due_at) - (select jobtrail.clock()))::float8 from jobtrail.schedules where due_at is not null
