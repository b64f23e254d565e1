-- Forgets up to $2 ticks made before a time; answers how many.
with gone as (
  delete from jobtrail.schedule_ticks where ctid = any (array(
    select ctid from jobtrail.schedule_ticks where made_at < $1 limit $2 for update skip locked)) returning 1
)
select count(*) from gone
