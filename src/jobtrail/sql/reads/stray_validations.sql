-- Validations of a worker that it does not know of ($2), because the answer that handed them to it was lost.
select v.workspace_id, v.job_id, v.token, v.queue, v.type, ''::text as input, 0 as generation, v.tries
from jobtrail.validations v where v.worker_id = $1 and v.token <> all ($2::uuid[])
