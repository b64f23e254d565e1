-- Takes one budget. No row: there is none.
select id from jobtrail.budgets where workspace_id = $1 and id = $2 for update
