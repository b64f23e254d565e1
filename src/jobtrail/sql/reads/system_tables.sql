-- How large each table is with its indexes and all its partitions, and about how many rows it has; the largest first.
with recursive parts as (
  select oid as root, oid from pg_class where relnamespace = 'jobtrail'::regnamespace and relkind in ('r', 'p') and not relispartition
  union all
  select p.root, i.inhrelid from parts p join pg_inherits i on i.inhparent = p.oid
)
select r.relname::text as table_name, sum(pg_total_relation_size(p.oid))::int8 as size_bytes,
  sum(greatest(c.reltuples, 0))::int8 as about_rows, (count(*) - 1)::int4 as partitions
from parts p join pg_class c on c.oid = p.oid join pg_class r on r.oid = p.root
group by r.relname order by 2 desc, 1
