-- Notes ticks of a schedule; one that made no job may get one later, and no other changes. Answers those that were noted.
insert into jobtrail.schedule_ticks as k (workspace_id, schedule_id, at, last_at, ticks, outcome, job_id, reason, manual, made_by)
select $1, $2, t.at, t.last_at, t.ticks, t.outcome::jobtrail.tick_outcome, t.job_id, t.reason, $9, $10
from unnest($3::timestamptz[], $4::timestamptz[], $5::int4[], $6::text[], $7::uuid[], $8::text[])
  as t (at, last_at, ticks, outcome, job_id, reason)
on conflict (workspace_id, schedule_id, at) do update set last_at = excluded.last_at, ticks = excluded.ticks,
  outcome = excluded.outcome, job_id = excluded.job_id, reason = excluded.reason, manual = excluded.manual,
  made_by = excluded.made_by, made_at = excluded.made_at
where k.outcome <> 'JOB' and excluded.outcome = 'JOB'
returning at
