-- Writes at which gate people are asked for more of a budget that is held.
update jobtrail.budgets set gate_id = $3 where workspace_id = $1 and id = $2
