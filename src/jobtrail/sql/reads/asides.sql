-- What some jobs ($2) of a workspace used so far, the worker of their newest attempt, since when it has been silent, and, of
-- those without a title, the first plain values of their input, where that is short enough to be read for it.
select wanted.id, u.cost_usd, u.unpriced_calls, w.name as worker,
  case when a.ended_at is null then extract(epoch from jobtrail.clock() - w.beat_at)::float8 end as silent_seconds, i.brief
from unnest($2::uuid[]) wanted (id)
cross join lateral (select trim_scale(sum(cost_usd)) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls
  from jobtrail.usage u where u.workspace_id = $1 and u.job_id = wanted.id) u
left join lateral (select worker_id, ended_at from jobtrail.attempts t where t.workspace_id = $1 and t.job_id = wanted.id
  order by t.number desc limit 1) a on true
left join jobtrail.workers w on w.id = a.worker_id
left join lateral (select string_agg(key || '=' || said, ' ' order by place) as brief
  from (select key, left(value #>> '{}', 80) as said, place from (select j.input from jobtrail.jobs j
      where j.workspace_id = $1 and j.id = wanted.id and j.title is null and pg_column_size(j.input) < 2000 limit 1) j
    cross join lateral jsonb_each(case when jsonb_typeof(j.input) = 'object' then j.input end) with ordinality each (key, value, place)
    where jsonb_typeof(value) in ('string', 'number', 'boolean') order by place limit 3) plain) i on true
