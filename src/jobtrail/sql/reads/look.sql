-- Fetches the head of the queue as a claim does: it answers where a service could work.
select count(*) from (
  select from jobtrail.ready order by queue, workspace_id, strand, rank, job_id limit 1
) head
