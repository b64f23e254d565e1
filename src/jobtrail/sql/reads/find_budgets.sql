-- The ids of budgets after $2, of one scope or subject if they are named; those of jobs only when one of the two is.
select id from jobtrail.budgets
where workspace_id = $1 and id > $2 and ($3::text is null or scope = $3::text::jobtrail.budget_scope)
  and ($4::text is null or subject = $4) and ($5 or job_id is null or $3::text is not null or $4::text is not null)
order by id limit $6
