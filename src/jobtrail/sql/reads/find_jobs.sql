-- Ids of a workspace's jobs in [$2, $3], or, among the newest $5, with these last hex digits ($4, as a pattern); at most
-- 3, newest first.
(select id from jobtrail.jobs where workspace_id = $1 and id >= $2 and id <= $3 order by id desc limit 3)
union
(select id from (select id from jobtrail.jobs where workspace_id = $1 order by id desc limit $5) newest
  where replace(id::text, '-', '') like $4::text limit 3)
order by id desc limit 3
