-- What the role that runs may do. Written anew after every migration; where there is no such role, one role is both
-- owner and application, and forced row-level security with the triggers is what binds it.
do $$
declare
  name regclass;
begin
  if not exists (select from pg_roles where rolname = 'jobtrail_app') or current_user = 'jobtrail_app' then
    return;
  end if;
  grant usage on schema jobtrail to jobtrail_app;
  revoke all on all tables in schema jobtrail from jobtrail_app;
  for name in select oid from pg_class where relnamespace = 'jobtrail'::regnamespace and relkind in ('r', 'p')
      and not relispartition loop
    execute format('grant select on %s to jobtrail_app', name);
  end loop;
  grant insert, update on jobtrail.workspaces, jobtrail.projects, jobtrail.tasks, jobtrail.jobs, jobtrail.attempts,
    jobtrail.steps, jobtrail.gates, jobtrail.queues, jobtrail.workers, jobtrail.upkeep_leases, jobtrail.results,
    jobtrail.sealer to jobtrail_app;
  grant insert, update, delete on jobtrail.ready, jobtrail.timers, jobtrail.queue_stats, jobtrail.idempotency_keys
    to jobtrail_app;
  grant insert on jobtrail.log_chunks, jobtrail.metrics, jobtrail.usage, jobtrail.assets, jobtrail.gate_decisions,
    jobtrail.seals to jobtrail_app;
  grant delete on jobtrail.assets to jobtrail_app;  -- a policy spares those of jobs
  grant delete on jobtrail.workers, jobtrail.projects, jobtrail.tasks to jobtrail_app;
  if to_regclass('jobtrail.administration_events') is not null then
    grant insert, update on jobtrail.users, jobtrail.passwords, jobtrail.api_keys to jobtrail_app;
    grant insert, update, delete on jobtrail.memberships, jobtrail.login_sessions, jobtrail.login_failures
      to jobtrail_app;
    grant insert on jobtrail.administration_events to jobtrail_app;
  end if;
  if to_regclass('jobtrail.validations') is not null then
    grant insert, update, delete on jobtrail.validations to jobtrail_app;
  end if;
  if to_regclass('jobtrail.webhooks') is not null then
    grant insert, update, delete on jobtrail.webhooks, jobtrail.webhook_deliveries to jobtrail_app;
    grant update on jobtrail.webhook_dispatcher to jobtrail_app;
  end if;
  if to_regclass('jobtrail.limits') is not null then
    grant insert, update, delete on jobtrail.limits, jobtrail.rate_starts, jobtrail.rate_buckets, jobtrail.claim_places
      to jobtrail_app;
  end if;
  if to_regclass('jobtrail.dependencies') is not null then
    grant insert, update on jobtrail.dependencies to jobtrail_app;
    grant insert, update, delete on jobtrail.settlements to jobtrail_app;
  end if;
  if to_regclass('jobtrail.signals') is not null then
    grant insert on jobtrail.signals to jobtrail_app;
    grant insert, update on jobtrail.callbacks, jobtrail.nexrender_jobs to jobtrail_app;
  end if;
  if to_regclass('jobtrail.gate_links') is not null then
    grant insert, update on jobtrail.waits to jobtrail_app;
    grant insert, update (used_at, revoked_at) on jobtrail.gate_links to jobtrail_app;  -- whose voice it lends stays
    grant update (superseded_at) on jobtrail.gate_decisions to jobtrail_app;  -- what was said nobody can change
    grant insert, delete on jobtrail.groups, jobtrail.group_members to jobtrail_app;
  end if;
  if to_regclass('jobtrail.error_marks') is not null then
    grant insert, update, delete on jobtrail.error_marks to jobtrail_app;
  end if;
  if to_regclass('jobtrail.supersedings') is not null then
    grant insert, update on jobtrail.supersedings to jobtrail_app;
    grant insert, update, delete on jobtrail.breakers, jobtrail.type_outcomes to jobtrail_app;
  end if;
  if to_regclass('jobtrail.budgets') is not null then
    grant insert, update, delete on jobtrail.budgets, jobtrail.budget_holds, jobtrail.budget_waits to jobtrail_app;
  end if;
  if to_regclass('jobtrail.schedules') is not null then
    grant insert, update, delete on jobtrail.schedules, jobtrail.schedule_ticks to jobtrail_app;
  end if;
  if to_regprocedure('jobtrail.make_partitions(integer)') is not null then
    revoke all on function jobtrail.make_partitions(integer), jobtrail.drop_partitions(text, timestamptz),
      jobtrail.remove_jobs(timestamptz, integer) from public;
    grant execute on function jobtrail.make_partitions(integer), jobtrail.drop_partitions(text, timestamptz),
      jobtrail.remove_jobs(timestamptz, integer) to jobtrail_app;
  end if;
end
$$;

-- After a dump was restored, transaction ids go on where the trail stands.
do $$
begin
  if to_regprocedure('jobtrail.rebase_txids()') is not null then
    perform jobtrail.rebase_txids();
  end if;
end
$$;
