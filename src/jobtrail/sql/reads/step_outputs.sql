-- The steps of a job ($2) in their order, at most $3, with how long each output is as text; the output itself where it is not
-- longer than $4, or the step's own ($5) is asked for.
select s.id, s.ordinal, s.name, s.phase::text, s.status::text, coalesce(octet_length(s.output::text), 0) as bytes,
  case when octet_length(s.output::text) <= $4 or s.id = $5::uuid then s.output end as output
from jobtrail.steps s where s.workspace_id = $1 and s.job_id = $2 order by s.ordinal limit $3
