-- Which metrics a workspace has, each found with one look into the index; at most $2.
with recursive named as (
  (select metric_type, metric_name, 1 as number from jobtrail.metrics where workspace_id = $1
    order by metric_type, metric_name limit 1)
  union all
  select next.metric_type, next.metric_name, named.number + 1 from named cross join lateral (
    select m.metric_type, m.metric_name from jobtrail.metrics m
    where m.workspace_id = $1 and (m.metric_type, m.metric_name) > (named.metric_type, named.metric_name)
    order by m.metric_type, m.metric_name limit 1) next
  where named.number < $2
)
select metric_type, metric_name from named
