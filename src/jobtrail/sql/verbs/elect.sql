-- Takes or renews the lease of an upkeep duty; no row: another worker has it.
insert into jobtrail.upkeep_leases as u (duty, worker_id, lease_until)
values ($1, $2, jobtrail.clock() + make_interval(secs => $3))
on conflict (duty) do update set worker_id = excluded.worker_id, lease_until = excluded.lease_until
  where u.worker_id = excluded.worker_id or u.lease_until < jobtrail.clock()
returning lease_until
