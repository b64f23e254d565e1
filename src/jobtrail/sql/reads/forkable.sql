-- The steps of a job in their order, without what they returned; at most $3. `asked`: people decided in it.
select s.id, s.ordinal, s.key, s.name, s.status::text, s.key not like 'budget:%' and exists (select from jobtrail.gates g
  where g.workspace_id = $1 and g.job_id = $2 and g.step_id = s.id) as asked
from jobtrail.steps s where s.workspace_id = $1 and s.job_id = $2
order by s.ordinal limit $3
