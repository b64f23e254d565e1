-- Removes a budget. No row: there is none.
delete from jobtrail.budgets where workspace_id = $1 and id = $2 returning scope::text, subject, period::text
