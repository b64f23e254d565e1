-- The gates of a workspace that wait ($2 true) or all, or those of one job ($3), queue ($4) or type ($5), or such as ask by
-- one of the names $6 or ask everybody, oldest question first.
select id, job_id, step_id, question, approvers, needed, form, status::text, asked_at, expires_at, decided_at,
  on_expire::text, rejections::text, no_self_approval, comment_required, escalate_to, escalate_at
from jobtrail.gates g
where workspace_id = $1 and (not $2::bool or status = 'WAITING') and ($3::uuid is null or job_id = $3)
  and (($4::text is null and $5::text is null) or exists (select from jobtrail.jobs j
    where j.workspace_id = $1 and j.id = g.job_id and j.queue = coalesce($4, j.queue) and j.type = coalesce($5, j.type)))
  and ($6::text[] is null or cardinality(approvers) = 0 or exists (select from unnest(approvers) a where lower(a) = any ($6)))
order by asked_at limit $7
