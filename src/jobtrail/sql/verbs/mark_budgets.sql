-- Notes of budgets that are held that it was told they are nearly spent ($2), or spent ($3): once in a period.
update jobtrail.budgets set
  warned_at = case when id = any ($2::uuid[]) then coalesce(warned_at, jobtrail.clock()) else warned_at end,
  exceeded_at = case when id = any ($3::uuid[]) then coalesce(exceeded_at, jobtrail.clock()) else exceeded_at end
where workspace_id = $1 and id = any ($2::uuid[] || $3::uuid[])
