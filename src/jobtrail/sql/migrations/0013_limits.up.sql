-- Limits: how many slots the jobs of a queue, a type, a concurrency key or a whole workspace may take at once, and how many
-- may start in a time. Nothing here counts what runs: that is derived from the open attempts, so that it cannot leak.

create type jobtrail.limit_scope as enum ('QUEUE', 'TYPE', 'KEY', 'WORKSPACE');
create type jobtrail.limit_source as enum ('USER', 'BREAKER');
create type jobtrail.rate_kind as enum ('SLIDING_WINDOW', 'TOKEN_BUCKET');

create table jobtrail.limits (
  workspace_id uuid not null,
  id uuid not null,
  scope jobtrail.limit_scope not null,
  name text not null check (octet_length(name) <= 255),  -- of the queue, type or key; '*': each key that has no limit of its own
  source jobtrail.limit_source not null default 'USER',
  max_slots integer check (max_slots between 0 and 1000000),  -- of a key: how many jobs
  rate_count integer check (rate_count between 1 and 1000000),
  rate_seconds double precision check (rate_seconds between 0.001 and 31622400),
  rate_kind jobtrail.rate_kind,
  burst integer check (burst between 1 and 1000000),
  set_by text not null,
  set_at timestamptz not null default jobtrail.clock(),
  reason text,
  primary key (workspace_id, id),
  unique (workspace_id, scope, name, source),
  check ((scope = 'WORKSPACE') = (name = '')),
  check (max_slots is not null or rate_count is not null),
  check ((rate_count is null) = (rate_seconds is null) and (rate_count is null) = (rate_kind is null)),
  check (burst is null or rate_kind = 'TOKEN_BUCKET'),
  check (scope <> 'KEY' or rate_count is null)
);

-- What a SLIDING_WINDOW saw start; rows leave when the window has passed them.
create table jobtrail.rate_starts (
  workspace_id uuid not null,
  limit_id uuid not null,
  at timestamptz not null,
  number integer not null,
  foreign key (workspace_id, limit_id) references jobtrail.limits (workspace_id, id) on delete cascade
) with (fillfactor = 70);
create index rate_starts_in_order on jobtrail.rate_starts (workspace_id, limit_id, at);

-- What a TOKEN_BUCKET held when it was last taken from.
create table jobtrail.rate_buckets (
  workspace_id uuid not null,
  limit_id uuid not null,
  tokens double precision not null,
  at timestamptz not null,
  primary key (workspace_id, limit_id),
  foreign key (workspace_id, limit_id) references jobtrail.limits (workspace_id, id) on delete cascade
) with (fillfactor = 50);

-- How far a claim has looked where the head of a queue is full of what may not run: by the types that were allowed, or (`=`)
-- by concurrency keys. The next claim goes on from there.
create table jobtrail.claim_places (
  workspace_id uuid not null,
  queue text not null,
  of text not null,
  rank bigint,
  job_id uuid,
  strand text,
  primary key (workspace_id, queue, of)
) with (fillfactor = 50);

do $$
declare
  name text;
begin
  foreach name in array array['limits', 'rate_starts', 'rate_buckets', 'claim_places'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;

-- How many starts a rate allows at a time, and in how many milliseconds one more when that is none. Null: it has no rate.
create function jobtrail.rate_room(l jobtrail.limits, now timestamptz, out starts integer, out again_ms integer)
  language plpgsql stable as $$
declare
  span interval := make_interval(secs => l.rate_seconds);
  held double precision;
  number bigint;
  oldest timestamptz;
begin
  if l.rate_kind = 'SLIDING_WINDOW' then
    select coalesce(sum(r.number), 0), min(r.at) into number, oldest from jobtrail.rate_starts r
      where r.workspace_id = l.workspace_id and r.limit_id = l.id and r.at > now - span
        and r.at <= now;  -- what a clock that was set back has still before it holds up nobody
    starts := greatest(l.rate_count - number, 0);
    again_ms := ceil(extract(epoch from oldest + span - now) * 1000);
  elsif l.rate_kind = 'TOKEN_BUCKET' then
    select b.tokens + greatest(extract(epoch from now - b.at), 0) * l.rate_count / l.rate_seconds into held
      from jobtrail.rate_buckets b where b.workspace_id = l.workspace_id and b.limit_id = l.id;
    held := least(coalesce(held, 'infinity'), coalesce(l.burst, l.rate_count));
    starts := greatest(floor(held + 0.000001), 0);
    again_ms := ceil((1 - held) * 1000 * l.rate_seconds / l.rate_count);
  end if;
  if starts > 0 then
    again_ms := null;
  end if;
end
$$;

-- Tells the rates that hold for a queue what of which types was taken.
create function jobtrail.tell_rates(space uuid, of_queue text, taken text[], now timestamptz) returns void
  language plpgsql as $$
declare
  l jobtrail.limits;
  number integer;
begin
  for l in select * from jobtrail.limits t where t.workspace_id = space and t.rate_kind is not null
      and (t.scope = 'WORKSPACE' or (t.scope = 'QUEUE' and t.name = of_queue) or (t.scope = 'TYPE' and t.name = any (taken))) loop
    number := case when l.scope = 'TYPE' then cardinality(array_positions(taken, l.name)) else cardinality(taken) end;
    if l.rate_kind = 'SLIDING_WINDOW' then
      delete from jobtrail.rate_starts r where r.workspace_id = space and r.limit_id = l.id
        and r.at <= now - make_interval(secs => l.rate_seconds);
      insert into jobtrail.rate_starts (workspace_id, limit_id, at, number) values (space, l.id, now, number);
    else
      insert into jobtrail.rate_buckets as b (workspace_id, limit_id, tokens, at)
      values (space, l.id, coalesce(l.burst, l.rate_count) - number, now)
      on conflict (workspace_id, limit_id) do update set at = now, tokens = least(b.tokens
        + greatest(extract(epoch from now - b.at), 0) * l.rate_count / l.rate_seconds, coalesce(l.burst, l.rate_count)) - number;
    end if;
  end loop;
end
$$;

-- Chooses what a worker may take next, in order, and takes it from `ready`. Only one at a time chooses in a workspace, and
-- counts after it was let in: so no two claims fill the same last slot. What is full is passed over: types by name, keys by
-- their strands; a job that wants more slots than are left, but not more than there are, keeps the rest from going past it.
-- Answers the jobs and their types; in how many milliseconds it is worth asking again (null: when something ended); for how many of the
-- worker's own slots the next job waits.
create function jobtrail.take_ready(space uuid, of_queue text, of_types text[], jobs_wanted integer, slots_free integer,
  slots_most integer, only_jobs uuid[], out taken uuid[], out types text[], out again_ms integer, out wanted_slots integer)
  language plpgsql as $$
#variable_conflict use_column
declare
  looks constant integer := 2000;
  heads constant integer := 200;
  now timestamptz;
  l record;
  r record;
  walk refcursor;
  open_keys jsonb; open_types jsonb;
  in_space bigint; in_queue bigint;
  slots_left bigint := 2147483647; slots_limit integer := 2147483647;
  starts_left integer := 2147483647;
  type_left jsonb := '{}'; type_limit jsonb := '{}'; type_starts jsonb := '{}';
  allowed text[] := of_types;
  probed text[] := '{}';
  full_strands text[] := '{}';
  place jobtrail.claim_places; keys_place jobtrail.claim_places;
  apart boolean; keys_limited boolean;
  chosen tid[] := '{}';
  plain_seen integer := 0; apart_seen integer := 0;
  last_rank bigint; last_job uuid; last_strand text;
  walked text; exhausted boolean;
  room integer; left_of_type integer; running_of_key integer; key text;
begin
  perform pg_advisory_xact_lock(hashtextextended(space::text, 13));
  now := jobtrail.clock();
  if exists (select from jobtrail.queues q where q.workspace_id = space and q.name = of_queue and q.paused_at is not null)
      or exists (select from jobtrail.workspaces w where w.id = space and w.paused_at is not null) then
    return;
  end if;
  with running as materialized (
    select queue, type, concurrency_key, slots from jobtrail.attempts a where a.workspace_id = space and a.ended_at is null
  )
  select coalesce(sum(slots), 0), coalesce(sum(slots) filter (where queue = of_queue), 0),
    coalesce((select jsonb_object_agg(type, n) from (select type, sum(slots) n from running where type = any (of_types)
      group by type) t), '{}'),
    coalesce((select jsonb_object_agg(concurrency_key, n) from (select concurrency_key, count(*) n from running
      where concurrency_key is not null group by concurrency_key) k), '{}')
  into in_space, in_queue, open_types, open_keys from running;
  for l in select t.scope, t.name, t.source, t.max_slots, t.rate_kind, rate.starts, rate.again_ms from jobtrail.limits t
      cross join lateral jobtrail.rate_room(t, now) rate
      where t.workspace_id = space and (t.scope = 'WORKSPACE' or (t.scope = 'QUEUE' and t.name = of_queue)
        or (t.scope = 'TYPE' and t.name = any (of_types))) loop
    if l.scope = 'TYPE' then
      if l.max_slots is not null then
        room := l.max_slots - coalesce((open_types ->> l.name)::integer, 0);
        type_left := type_left || jsonb_build_object(l.name, least(room, (type_left ->> l.name)::integer));
        if l.source = 'USER' then
          type_limit := type_limit || jsonb_build_object(l.name, l.max_slots);
        elsif room = l.max_slots then  -- a breaker lets one through, however many slots it takes
          probed := probed || l.name;
        end if;
      end if;
      if l.rate_kind is not null then
        type_starts := type_starts || jsonb_build_object(l.name, least(l.starts, (type_starts ->> l.name)::integer));
      end if;
      if room <= 0 or l.starts <= 0 then
        allowed := array_remove(allowed, l.name);
      end if;
    else
      slots_limit := least(slots_limit, l.max_slots);
      slots_left := least(slots_left, l.max_slots - case l.scope when 'QUEUE' then in_queue else in_space end);
      starts_left := least(starts_left, l.starts);
    end if;
    if l.starts <= 0 then
      again_ms := least(again_ms, l.again_ms);
    end if;
    room := null;
  end loop;
  if least(slots_left, starts_left, slots_free, jobs_wanted) <= 0 or cardinality(allowed) = 0 then
    return;
  end if;
  apart := exists (select from jobtrail.ready h where h.queue = of_queue and h.workspace_id = space and h.strand > '');
  if not apart and type_left = '{}' and type_starts = '{}' and only_jobs is null and allowed = of_types then
    -- The usual case: nothing here but jobs of one slot each, which only their queue or workspace limits.
    with found as (
      delete from jobtrail.ready where ctid = any (array(
        select h.ctid from jobtrail.ready h
        where h.queue = of_queue and h.workspace_id = space and h.strand = '' and h.type = any (of_types)
        order by h.rank, h.job_id limit least(slots_left, starts_left, slots_free, jobs_wanted) for update skip locked))
      returning job_id, type
    )
    select array_agg(job_id), array_agg(type) into taken, types from found;
  else
    keys_limited := exists (select from jobtrail.limits t where t.workspace_id = space and t.scope = 'KEY');
    walked := md5(array_to_string(allowed, chr(10)));
    select * into place from jobtrail.claim_places p
      where p.workspace_id = space and p.queue = of_queue and p.of = walked;
    select * into keys_place from jobtrail.claim_places p
      where p.workspace_id = space and p.queue = of_queue and p.of = '=';
    for turn in 1..2 loop
      if turn = 1 then
        open walk for
          select *, null::text as last_strand from (
            (select h.ctid as at, h.* from jobtrail.ready h
              where h.queue = of_queue and h.workspace_id = space and h.strand = '' and (only_jobs is null or h.job_id = any (only_jobs))
                and (place.rank is null or (h.rank, h.job_id) <= (place.rank, place.job_id))
              order by h.rank, h.job_id limit case when place.rank is null then looks else heads end)
            union all
            (select h.ctid, h.* from jobtrail.ready h
              where h.queue = of_queue and h.workspace_id = space and h.strand = '' and (only_jobs is null or h.job_id = any (only_jobs))
                and (h.rank, h.job_id) > (place.rank, place.job_id)
              order by h.rank, h.job_id limit looks)
            union all
            (select h.ctid, h.* from jobtrail.ready h
              where h.queue = of_queue and h.workspace_id = space and h.strand <> '' and (only_jobs is null or h.job_id = any (only_jobs))
              order by h.rank, h.job_id limit looks)
          ) near order by rank, job_id;
      else
        exit when apart_seen < looks or least(slots_left, starts_left, slots_free, jobs_wanted) <= 0 or wanted_slots is not null;
        if not exists (select from jobtrail.ready h where h.queue = of_queue and h.workspace_id = space
            and h.strand > keys_place.strand) then
          keys_place.strand := '';
        end if;
        open walk for
          with recursive keys (strand, n) as (
            (select h.strand, 1 from jobtrail.ready h where h.queue = of_queue and h.workspace_id = space
              and h.strand > keys_place.strand order by h.strand limit 1)
            union all
            select (select h.strand from jobtrail.ready h where h.queue = of_queue and h.workspace_id = space
              and h.strand > k.strand order by h.strand limit 1), k.n + 1 from keys k where k.strand is not null and k.n < heads
          )
          select h.*, (select max(strand) from keys) as last_strand
          from keys k left join lateral (select h.ctid as at, h.* from jobtrail.ready h
            where h.queue = of_queue and h.workspace_id = space and h.strand = k.strand and k.strand <> all (full_strands)
              and h.type = any (allowed) and h.slots <= slots_most
            order by h.rank, h.job_id limit 20) h on true
          where k.strand is not null order by h.rank, h.job_id;
      end if;
      loop
        exit when wanted_slots is not null or least(slots_left, starts_left, slots_free, jobs_wanted) <= 0
          or cardinality(allowed) = 0;
        fetch walk into r;
        exhausted := not found;
        exit when exhausted;
        if turn = 2 then
          last_strand := r.last_strand;
          continue when r.at is null or r.at = any (chosen);  -- also where no key has anything, the next look goes on behind them
        elsif r.strand = '' then
          plain_seen := plain_seen + 1;
          last_rank := r.rank;
          last_job := r.job_id;
        else
          apart_seen := apart_seen + 1;
        end if;
        continue when r.type <> all (allowed) or r.strand = any (full_strands) or r.slots > slots_most;
        left_of_type := (type_left ->> r.type)::integer;
        if r.slots > left_of_type then
          continue when r.slots > (type_limit ->> r.type)::integer;
          if r.type <> all (probed) then  -- it is this type's turn to save up
            allowed := array_remove(allowed, r.type);
            continue;
          end if;
        end if;
        if r.strand like '=%' then
          key := substr(r.strand, 2);
          running_of_key := coalesce((open_keys ->> key)::integer, 0);
          if running_of_key >= coalesce(case when keys_limited then (select t.max_slots from jobtrail.limits t
              where t.workspace_id = space and t.scope = 'KEY' and t.name in (key, '*')
              order by t.name = '*' and key <> '*' limit 1) end, r.concurrency_limit) then
            full_strands := full_strands || r.strand;
            continue;
          end if;
          open_keys := open_keys || jsonb_build_object(key, running_of_key + 1);
        end if;
        if r.slots > slots_left then
          continue when r.slots > slots_limit;
          slots_left := 0;  -- what comes after it waits, too: else it would wait for ever
        elsif r.slots > slots_free then
          wanted_slots := r.slots;
        else
          chosen := chosen || r.at;
          slots_left := slots_left - r.slots;
          slots_free := slots_free - r.slots;
          starts_left := starts_left - 1;
          jobs_wanted := jobs_wanted - 1;
          if left_of_type is not null then
            type_left := type_left || jsonb_build_object(r.type, left_of_type - r.slots);
            probed := array_remove(probed, r.type);
            if left_of_type <= r.slots then
              allowed := array_remove(allowed, r.type);
            end if;
          end if;
          if type_starts ? r.type then
            room := (type_starts ->> r.type)::integer - 1;
            type_starts := type_starts || jsonb_build_object(r.type, room);
            if room <= 0 then
              allowed := array_remove(allowed, r.type);
            end if;
          end if;
        end if;
      end loop;
      close walk;
      if turn = 1 and exhausted then
        if plain_seen >= looks then
          insert into jobtrail.claim_places as p (workspace_id, queue, of, rank, job_id)
          values (space, of_queue, walked, last_rank, last_job)
          on conflict (workspace_id, queue, of) do update set rank = excluded.rank, job_id = excluded.job_id;
          again_ms := 10;
        elsif place.rank is not null then
          delete from jobtrail.claim_places p where p.workspace_id = space and p.queue = of_queue and p.of = walked;
        end if;
      elsif turn = 2 then
        insert into jobtrail.claim_places as p (workspace_id, queue, of, strand)
        values (space, of_queue, '=', coalesce(last_strand, ''))
        on conflict (workspace_id, queue, of) do update set strand = excluded.strand;
        if exhausted and exists (select from jobtrail.ready h where h.queue = of_queue and h.workspace_id = space
            and h.strand > last_strand) then
          again_ms := 10;
        end if;
      end if;
    end loop;
    with found as (
      delete from jobtrail.ready where ctid = any (array(
        select h.ctid from jobtrail.ready h where h.ctid = any (chosen) for update skip locked))
      returning job_id, type
    )
    select array_agg(job_id), array_agg(type) into taken, types from found;
  end if;
end
$$;

-- Hands ready jobs of one workspace's queue to a worker as its limits allow: moves them, and opens an attempt for each. The
-- last row, without a job, says when it is worth asking again, and for how many slots the next job waits.
create function jobtrail.claim_limited(by_worker uuid, space uuid, of_queue text, of_types text[], jobs_wanted integer,
  slots_free integer, slots_most integer, stamp text, nonce text, only_jobs uuid[] default null)
  returns table (job jobtrail.jobs, again_ms integer, wanted_slots integer) language plpgsql as $$
#variable_conflict use_column
declare
  found_ones record;
begin
  found_ones := jobtrail.take_ready(space, of_queue, of_types, jobs_wanted, slots_free, slots_most, only_jobs);
  if found_ones.taken is not null then
    return query
      with started as (
        update jobtrail.jobs j set status = 'RUNNING', event = 'job.started', actor_type = 'worker',
          actor_id = by_worker::text, attempt_count = j.attempt_count + 1, progress = 0, stage = null, step_id = null,
          attempt_id = (stamp || substr(md5(nonce || j.workspace_id || j.id), 1, 3) || '8'
            || substr(md5(nonce || j.workspace_id || j.id), 4, 15))::uuid
        where j.workspace_id = space and j.id = any (found_ones.taken) and j.status = 'QUEUED'
        returning j as moved
      ), opened as (
        insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, started_at, slots, queue, type,
          concurrency_key)
        select (s.moved).workspace_id, (s.moved).id, (s.moved).attempt_id, by_worker, (s.moved).attempt_count,
          (s.moved).updated_at, (s.moved).slots, (s.moved).queue, (s.moved).type, (s.moved).concurrency_key from started s
      )
      select s.moved, null::integer, null::integer from started s;
    if not found then
      found_ones.again_ms := 0;  -- what stood in `ready` was there no more
    end if;
    perform jobtrail.tell_rates(space, of_queue, found_ones.types, jobtrail.clock());  -- not before they have started
    if found_ones.again_ms is null then  -- also who has just taken all that a rate allows learns when it allows more
      select min(rate.again_ms) into found_ones.again_ms from jobtrail.limits t
        cross join lateral jobtrail.rate_room(t, jobtrail.clock()) rate
        where t.workspace_id = space and t.rate_kind is not null and rate.starts <= 0 and (t.scope = 'WORKSPACE'
          or (t.scope = 'QUEUE' and t.name = of_queue) or (t.scope = 'TYPE' and t.name = any (of_types)));
    end if;
  end if;
  return query select null::jobtrail.jobs, found_ones.again_ms, found_ones.wanted_slots;
end
$$;
