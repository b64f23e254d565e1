-- Hands one ready render of a workspace to a worker, as the limits allow: of this job ($6), or of one of these tags ($7) and
-- types ($8), or any. No attempt in the answer: what was to be taken was no longer ready; ask again.
select (c.job).id as job_id, (c.job).attempt_id
from jobtrail.claim_limited($1, $9, $2, array[$3], 1, 1000, 1000, $4, $5, array(
  select r.job_id from jobtrail.ready r join jobtrail.jobs j on j.workspace_id = r.workspace_id and j.id = r.job_id
  where r.queue = $2 and r.type = $3 and r.workspace_id = $9 and ($6::uuid is null or r.job_id = $6)
    and ($7::text[] is null or j.tags && $7)
    and ($8::text[] is null or coalesce(j.input ->> 'type', 'default') = any ($8))
  order by r.rank, r.job_id limit 20)) c
where (c.job).id is not null or c.again_ms = 0
