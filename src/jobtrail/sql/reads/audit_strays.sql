-- Events of transactions in ($3, $4] that neither a job nor a tombstone accounts for: no such job, or past its end.
select e.workspace_id::text, e.job_id::text, e.seq
from jobtrail.events e
where e.workspace_id between $1::uuid and $2::uuid and e.txid > $3::int8 and e.txid <= $4::int8
  and not coalesce(
    (select e.seq <= j.version and e.at between j.created_at and j.updated_at from jobtrail.jobs j
      where j.workspace_id = e.workspace_id and j.id = e.job_id),
    (select e.seq <= t.last_seq and e.at between t.first_at and t.last_at from jobtrail.tombstones t
      where t.workspace_id = e.workspace_id and t.job_id = e.job_id),
    false)
order by 1, 2, 3 limit 1000
