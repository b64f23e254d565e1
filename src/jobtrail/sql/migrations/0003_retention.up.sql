-- Days as partitions, and the only doors through which history leaves: whole days, and finished jobs by rule.

create table jobtrail.events_rest partition of jobtrail.events default;
create table jobtrail.log_chunks_rest partition of jobtrail.log_chunks default;
create table jobtrail.metrics_rest partition of jobtrail.metrics default;

-- A partition reached by its own name is bound like its parent.
create function jobtrail.protect_partition(name text, append_only boolean) returns void language plpgsql as $$
begin
  execute format('alter table jobtrail.%I enable row level security, force row level security', name);
  execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
    'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  if append_only then
    execute format('create trigger append_only before update or delete or truncate on jobtrail.%I for each statement '
      'execute function jobtrail.refuse_change(%L, %L)', name, 'anything but reading', 'The trail is append-only.');
  end if;
end
$$;
select jobtrail.protect_partition('events_rest', true), jobtrail.protect_partition('log_chunks_rest', false),
  jobtrail.protect_partition('metrics_rest', false);

-- Makes the partitions of the next `ahead` days (and of yesterday); returns how many are new. A day of which rows
-- already lie in the default partition stays there.
create function jobtrail.make_partitions(ahead integer) returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  parent text;
  day date;
  made integer := 0;
  taken boolean;
  spoke_for text := coalesce(current_setting('jobtrail.workspace', true), '');
begin
  perform set_config('jobtrail.workspace', '*', true);
  foreach parent in array array['events', 'log_chunks', 'metrics'] loop
    for day in select d::date from generate_series((jobtrail.clock() at time zone 'UTC')::date - 1,
        (jobtrail.clock() at time zone 'UTC')::date + ahead, interval '1 day') d loop
      continue when to_regclass(format('jobtrail.%I', parent || '_' || to_char(day, 'YYYYMMDD'))) is not null;
      execute format('select exists (select from jobtrail.%I where at >= %L and at < %L)', parent || '_rest',
        day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC') into taken;
      continue when taken;
      execute format('create table jobtrail.%I partition of jobtrail.%I for values from (%L) to (%L)',
        parent || '_' || to_char(day, 'YYYYMMDD'), parent,
        day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
      perform jobtrail.protect_partition(parent || '_' || to_char(day, 'YYYYMMDD'), parent = 'events');
      made := made + 1;
    end loop;
  end loop;
  perform set_config('jobtrail.workspace', spoke_for, true);
  return made;
end
$$;

-- Drops the days of one class that end before `before`; returns their names. At least a week stays.
create function jobtrail.drop_partitions(parent text, before timestamptz) returns text[] language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  child text;
  dropped text[] := '{}';
  latest date := (least(before, jobtrail.clock() - interval '7 days') at time zone 'UTC')::date;
begin
  if not jobtrail.serves_all() then
    raise exception using errcode = 'JT002', message = 'a day is of all workspaces, so only who serves all may drop it';
  end if;
  if parent not in ('events', 'log_chunks', 'metrics') then
    raise exception using errcode = 'JT002', message = format('%s is not kept in days', parent);
  end if;
  for child in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = format('jobtrail.%I', parent)::regclass and c.relname ~ '_[0-9]{8}$'
        and to_date(right(c.relname, 8), 'YYYYMMDD') < latest order by 1 loop
    execute format('drop table jobtrail.%I', child);
    dropped := dropped || child;
  end loop;
  return dropped;
end
$$;

-- Removes up to `most` jobs that ended before `before`, with everything that hangs on them but their events, and
-- leaves a tombstone each; returns how many.
create function jobtrail.remove_jobs(before timestamptz, most integer) returns integer language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  spaces uuid[];
  gone uuid[];
begin
  with old as (
    select workspace_id, id, version, trail_hash, created_at, updated_at from jobtrail.jobs j
    where completed_at < least(before, jobtrail.clock() - interval '1 day')
      and status in ('COMPLETED', 'FAILED', 'CANCELLED')
      and not exists (  -- one that waits for more, or has started it, may want its result yet
        select from jobtrail.dependencies d join jobtrail.jobs w on w.workspace_id = d.workspace_id and w.id = d.job_id
        where d.workspace_id = j.workspace_id and d.needs_id = j.id and w.completed_at is null)
    order by id limit most for update skip locked
  ), kept as (
    insert into jobtrail.tombstones as t (workspace_id, job_id, last_seq, trail_hash, first_at, last_at)
    select workspace_id, id, version, trail_hash, created_at, updated_at from old
    on conflict (workspace_id, job_id) do update set last_seq = excluded.last_seq, trail_hash = excluded.trail_hash,
      last_at = excluded.last_at, removed_at = jobtrail.clock()
    returning t.workspace_id, t.job_id
  )
  select array_agg(workspace_id), array_agg(job_id) into spaces, gone from kept;
  delete from jobtrail.attempts a using unnest(spaces, gone) g (workspace_id, job_id) where a.workspace_id = any (spaces)
    and a.job_id = any (gone) and a.workspace_id = g.workspace_id and a.job_id = g.job_id;
  delete from jobtrail.results r using unnest(spaces, gone) g (workspace_id, job_id) where r.workspace_id = any (spaces)
    and r.job_id = any (gone) and r.workspace_id = g.workspace_id and r.job_id = g.job_id;
  delete from jobtrail.timers t using unnest(spaces, gone) g (workspace_id, job_id) where t.workspace_id = any (spaces)
    and t.job_id = any (gone) and t.workspace_id = g.workspace_id and t.job_id = g.job_id;
  delete from jobtrail.idempotency_keys k using unnest(spaces, gone) g (workspace_id, job_id)
    where k.workspace_id = g.workspace_id and k.job_id = g.job_id;
  delete from jobtrail.jobs j using unnest(spaces, gone) g (workspace_id, id) where j.workspace_id = any (spaces)
    and j.id = any (gone) and j.workspace_id = g.workspace_id and j.id = g.id;
  return coalesce(cardinality(gone), 0);
end
$$;

-- Raises the base of transaction ids where the trail knows higher ones than this server, so that order and seals go on
-- after a dump was restored. Run it before anything works on the restored tables; it returns the base.
create function jobtrail.rebase_txids() returns bigint language plpgsql as $$
declare
  latest bigint;
  here bigint := pg_current_xact_id()::text::bigint;
  spoke_for text := coalesce(current_setting('jobtrail.workspace', true), '');
begin
  perform set_config('jobtrail.workspace', '*', true);
  select greatest(s.up_to_txid, (select max(txid) from jobtrail.events where txid > s.up_to_txid)) into latest
    from jobtrail.sealer s;
  if to_regclass('jobtrail.webhook_dispatcher') is not null then
    select greatest(latest, d.txid) into latest from jobtrail.webhook_dispatcher d;
  end if;
  if latest >= here + jobtrail.txid_base() then
    execute format('create or replace function jobtrail.txid_base() returns bigint language sql stable parallel safe '
      'as $f$ select %s::bigint $f$', latest - here + 1);
  end if;
  perform set_config('jobtrail.workspace', spoke_for, true);
  return jobtrail.txid_base();
end
$$;
revoke all on function jobtrail.rebase_txids() from public;

select jobtrail.make_partitions(7);
select set_config('jobtrail.workspace', '*', true);
insert into jobtrail.workspaces (id, name) values ('00000000-0000-7000-8000-000000000001', 'default');
