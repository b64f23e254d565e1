-- Holds unique keys against others who may take them from their jobs, until the transaction ends; with $3 all keys of the workspace, where there are too many.
-- All take the workspace before a key, and keys in one order: nobody waits in a ring.
select count(case when wanted.lock_key is not null then pg_advisory_xact_lock(wanted.lock_key)
    when $3::bool then pg_advisory_xact_lock(wanted.whole) else pg_advisory_xact_lock_shared(wanted.whole) end)
from (
  select null::bigint as lock_key, hashtextextended('unique keys of ' || $1::uuid, 0) as whole
  union all
  select distinct hashtextextended(key, hashtextextended($1::uuid::text, 0)), null::bigint from unnest($2::text[]) as key where not $3
  order by 1 nulls first
) wanted
