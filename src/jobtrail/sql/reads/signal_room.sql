-- Whether a job that is held can keep a signal of a name ($3): it has it, or fewer than $4 of them, and not yet $5 bytes.
select coalesce(bool_or(name = $3), false) or (count(*) < $4 and coalesce(sum(octet_length(payload::text)), 0) < $5)
from jobtrail.signals where workspace_id = $1 and job_id = $2
