-- How long the last $4 completed of the newest $3 jobs of a type took.
select count(*)::int4 as jobs, percentile_cont(0.25) within group (order by seconds) as low,
  percentile_cont(0.5) within group (order by seconds) as middle,
  percentile_cont(0.75) within group (order by seconds) as high
from (
  select newest.actual_seconds::float8 as seconds from (
    select j.id, j.status, j.actual_seconds from jobtrail.jobs j
    where j.workspace_id = $1 and j.type = $2 order by j.id desc limit $3
  ) newest
  where newest.status = 'COMPLETED' and newest.actual_seconds is not null order by newest.id desc limit $4
) sample
