-- Writes what became of the question for more of a budget that is held: new limits ($7), or that people said no ($6).
update jobtrail.budgets set gate_id = null, limit_usd = $3, limit_tokens = $4, limit_seconds = $5,
  refused_at = case when $6 then jobtrail.clock() when $7 then null else refused_at end,
  warned_at = case when $7 then null else warned_at end, exceeded_at = case when $7 then null else exceeded_at end,
  updated_at = jobtrail.clock()
where workspace_id = $1 and id = $2
