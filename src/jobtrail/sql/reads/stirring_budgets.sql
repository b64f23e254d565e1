-- Budgets that jobs wait for, or at whose gates people were asked, or which have attempts to stop; at most $1 of them.
select workspace_id, id from (
  select w.workspace_id, w.budget_id as id from jobtrail.budget_waits w
  union
  select b.workspace_id, b.id from jobtrail.budgets b where b.on_exceeded = 'STOP' and b.exceeded_at is not null
) found
order by random() limit $1
