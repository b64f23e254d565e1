-- The id of the budget of a scope, a subject and a period.
select id from jobtrail.budgets where workspace_id = $1 and scope = $2::text::jobtrail.budget_scope and subject = $3
  and period = $4::text::jobtrail.budget_period
