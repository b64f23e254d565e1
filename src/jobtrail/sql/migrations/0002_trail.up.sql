-- The trail is the row. A change of a job, whoever makes it, must be a legal move; the database counts the version,
-- derives what follows from the status, links the chain and writes exactly one event. A row trigger links (it needs
-- the row's own previous hash), a statement trigger writes all events of the statement at once.

create function jobtrail.refuse_move() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'jobs' then
    raise exception using errcode = 'JT001',
      message = format('job %s may not go from %s to %s as %s', new.id,
        case when tg_op = 'UPDATE' then old.status::text else 'nothing' end, new.status, new.event),
      hint = 'Set `event` to what happens; jobtrail.job_may_move tells what is legal.';
  end if;
  raise exception using errcode = 'JT001',
    message = format('%s %s may not become %s', rtrim(tg_table_name, 's'), new.id, new.status),
    hint = format('It was %s.', case when tg_op = 'UPDATE' then old.status::text else 'nothing' end);
end
$$;

create function jobtrail.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'JT002', message = format('%s: %s is not allowed here', tg_table_name, tg_argv[0]),
    hint = tg_argv[1];
end
$$;

-- What of a job may change beside its status; the trail records each change of these.
create function jobtrail.job_settings(j jobtrail.jobs) returns jsonb language sql immutable as $$
  select jsonb_build_object('wait_reason', j.wait_reason, 'stage', j.stage, 'progress', j.progress,
    'priority', j.priority, 'queue', j.queue, 'title', j.title, 'tags', j.tags, 'scheduled_at', j.scheduled_at,
    'cancel_at', j.cancel_at, 'cancel_requested_at', j.cancel_requested_at, 'cancel_reason', j.cancel_reason,
    'max_attempts', j.max_attempts, 'failure_count', j.failure_count, 'loss_count', j.loss_count,
    'generation', j.generation, 'error_code', j.error_code, 'error_message', j.error_message,
    'estimated_seconds', j.estimated_seconds)
$$;
-- What a job was accepted with and keeps; its first event records it where it is not as usual.
create function jobtrail.job_terms(j jobtrail.jobs) returns jsonb language sql immutable as $$
  select jsonb_strip_nulls(jsonb_build_object('backoff_type', j.backoff_type, 'backoff_delay_ms', j.backoff_delay_ms,
    'backoff_max_ms', j.backoff_max_ms, 'timeout_seconds', j.timeout_seconds, 'idle_timeout_seconds',
    j.idle_timeout_seconds, 'queue_timeout_seconds', j.queue_timeout_seconds, 'unique_key', j.unique_key,
    'concurrency_key', j.concurrency_key, 'traceparent', j.traceparent, 'checked', nullif(j.checked, false),
    'project_id', j.project_id, 'task_id', j.task_id, 'parent_id', j.parent_id,
    'rerun_of', j.rerun_of, 'root_id', j.root_id, 'schedule_id', j.schedule_id, 'fork_of', j.fork_of,
    'slots', nullif(j.slots, 1), 'concurrency_limit', nullif(j.concurrency_limit, 1), 'unique_until', j.unique_until,
    'unique_scope', nullif(j.unique_scope, 'LIVE'), 'on_parent', nullif(j.on_parent, 'CANCEL'),
    'depends_mode', nullif(j.depends_mode, 'ALL'), 'on_dependency', nullif(j.on_dependency, 'FAIL'),
    'budgeted', nullif(j.budgeted, false), 'reserve_usd', j.reserve_usd, 'reserve_tokens', j.reserve_tokens)) || jsonb_build_object('created_by', j.created_by)
$$;
create function jobtrail.changed_settings(was jsonb, becomes jsonb) returns jsonb language sql immutable as $$
  select jsonb_object_agg(key, value) from jsonb_each(becomes) where value is distinct from was -> key
$$;

-- sha256(previous hash || canonical bytes). Fields before the free texts cannot contain the separator; the one free
-- text before the last carries its length, so no two events share their bytes.
create function jobtrail.link(previous bytea, at timestamptz, workspace_id uuid, job_id uuid, seq integer, type text,
  status jobtrail.job_status, attempt_id uuid, step_id uuid, actor_type jobtrail.actor_type, actor_id text,
  payload text) returns bytea language sql immutable parallel safe as $$
  select sha256(previous || timestamptz_send(at) || convert_to(concat_ws('|', workspace_id, job_id, seq, type, status,
    coalesce(attempt_id::text, ''), coalesce(step_id::text, ''), actor_type, coalesce(octet_length(actor_id), -1),
    coalesce(actor_id, ''), coalesce(payload, '')), 'UTF8'))
$$;

-- What a column of a job holds that it may not; null when all is well.
create function jobtrail.what_is_wrong(j jobtrail.jobs) returns text language sql immutable as $$
  select case
    when octet_length(j.type) not between 1 and 255 then 'type must have 1 to 255 bytes'
    when octet_length(j.queue) not between 1 and 255 then 'queue must have 1 to 255 bytes'
    when octet_length(j.actor_id) > 255 then 'actor_id may have 255 bytes'
    when octet_length(j.stage) > 255 then 'stage may have 255 bytes'
    when octet_length(j.title) > 1024 then 'title may have 1024 bytes'
    when octet_length(j.unique_key) > 255 then 'unique_key may have 255 bytes'
    when octet_length(j.concurrency_key) > 255 then 'concurrency_key may have 255 bytes'
    when octet_length(j.traceparent) <> 55 then 'traceparent must have 55 bytes'
    when j.priority not between 1 and 10 then 'priority must be 1 to 10'
    when j.max_attempts not between 1 and 1000 then 'max_attempts must be 1 to 1000'
    when j.backoff_delay_ms < 0 then 'backoff_delay_ms may not be negative'
    when j.backoff_max_ms < 0 then 'backoff_max_ms may not be negative'
    when not j.progress between 0 and 100 then 'progress must be 0 to 100'
    when j.slots not between 1 and 1000 then 'slots must be 1 to 1000'
    when j.concurrency_limit not between 1 and 10000 then 'concurrency_limit must be 1 to 10000'
    when j.reserve_usd < 0 or j.reserve_usd = 'NaN' then 'reserve_usd may not be negative'
    when j.reserve_tokens < 0 then 'reserve_tokens may not be negative'
    when not (j.timeout_seconds > 0 and j.timeout_seconds < 'infinity') then 'timeout_seconds must be above 0'
    when not (j.idle_timeout_seconds > 0 and j.idle_timeout_seconds < 'infinity') then 'idle_timeout_seconds must be above 0'
    when not (j.queue_timeout_seconds > 0 and j.queue_timeout_seconds < 'infinity') then 'queue_timeout_seconds must be above 0'
    when not isfinite(j.scheduled_at) then 'scheduled_at must be a time'
    when not isfinite(j.cancel_at) then 'cancel_at must be a time'
    when not isfinite(j.unique_until) then 'unique_until must be a time'
  end
$$;

-- Whether a job at a status holds its unique key: until it starts, until it ends, unless it did not complete, or for good.
create function jobtrail.holds_key(scope jobtrail.unique_scope, status jobtrail.job_status) returns boolean
  language sql immutable parallel safe as $$
  select case scope when 'ANY' then true when 'COMPLETED' then status not in ('FAILED', 'CANCELLED')
    when 'WAITING' then status in ('PENDING', 'VALIDATING', 'QUEUED')
    else status not in ('COMPLETED', 'FAILED', 'CANCELLED') end
$$;

-- Whether a job names a task or a project that is not there. They are held, as a foreign key would hold them, until the
-- job is: so none is removed while a job is being hung on it.
create function jobtrail.is_homeless(j jobtrail.jobs) returns boolean language plpgsql as $$
begin
  if j.task_id is not null then
    perform from jobtrail.tasks t where t.workspace_id = j.workspace_id and t.id = j.task_id for key share;
    if not found then
      return true;
    end if;
  end if;
  if j.project_id is not null then
    perform from jobtrail.projects p where p.workspace_id = j.workspace_id and p.id = j.project_id for key share;
    return not found;
  end if;
  return false;
end
$$;

-- The checks are plain expressions, which the session keeps prepared; conditions on the triggers would be prepared
-- anew for every statement, at half a millisecond each time.
create function jobtrail.link_new_job() returns trigger language plpgsql as $$
begin
  if not jobtrail.job_may_move(null, new.status, 'job.created') then
    raise exception using errcode = 'JT001', message = format('job %s may not begin as %s', new.id, new.status);
  end if;
  if (new.attempt_id, new.step_id, new.attempt_count, new.failure_count, new.loss_count, new.progress, new.stage,
      new.started_at, new.completed_at, new.aborted_at, new.actual_seconds, new.cancel_requested_at, new.cancel_reason,
      new.error_code, new.error_message) is distinct from
      (null, null, 0, 0, 0, 0, null, null, null, null, null, null, null, null, null) then
    raise exception using errcode = 'JT001', message = format('job %s is new and cannot have run before', new.id),
      hint = 'Leave to the database what happens to a job after it was accepted.';
  end if;
  -- Foreign keys here would cost every job, for the few that have a task or a project.
  if octet_length(new.type) not between 1 and 255 or octet_length(new.queue) not between 1 and 255
      or octet_length(new.actor_id) > 255 or octet_length(new.title) > 1024 or octet_length(new.unique_key) > 255
      or octet_length(new.concurrency_key) > 255 or octet_length(new.traceparent) <> 55 or new.priority not between 1 and 10
      or new.max_attempts not between 1 and 1000 or new.backoff_delay_ms < 0 or new.backoff_max_ms < 0
      or (new.timeout_seconds, new.idle_timeout_seconds, new.queue_timeout_seconds, new.scheduled_at, new.cancel_at,
        new.unique_until, new.reserve_usd, new.reserve_tokens, new.slots, new.concurrency_limit)
        is distinct from (null, null, null, null, null, null, null, null, 1, 1) and jobtrail.what_is_wrong(new) is not null then
    raise exception using errcode = '23514', message = format('job %s: %s', new.id, jobtrail.what_is_wrong(new));
  end if;
  if (new.task_id is not null or new.project_id is not null) and jobtrail.is_homeless(new) then
    raise exception using errcode = '23503', message = format('job %s names a task or project that is not there', new.id);
  end if;
  new.event := 'job.created';
  new.created_at := jobtrail.clock();
  new.version := 1;
  new.generation := 1;
  new.updated_at := new.created_at;
  new.queued_at := case when new.status = 'QUEUED' then new.created_at end;
  new.unique_hold := new.unique_key;
  new.root_id := null;
  if new.parent_id is not null then  -- a parent that retention removed meanwhile is as good a head as any
    new.root_id := coalesce((select coalesce(p.root_id, p.id) from jobtrail.jobs p
      where p.workspace_id = new.workspace_id and p.id = new.parent_id), new.parent_id);
    new.budgeted := new.budgeted or exists (select from jobtrail.jobs p
      where p.workspace_id = new.workspace_id and p.id = new.parent_id and p.budgeted);
  end if;
  new.note := jsonb_build_object('type', new.type, 'queue', new.queue, 'priority', new.priority,
    'input_sha256', encode(sha256(convert_to(new.input::text, 'UTF8')), 'hex'));
  if (new.wait_reason, new.title, new.scheduled_at, new.cancel_at, new.estimated_seconds, new.max_attempts, new.tags,
      new.backoff_type, new.backoff_delay_ms, new.backoff_max_ms, new.timeout_seconds, new.idle_timeout_seconds,
      new.queue_timeout_seconds, new.unique_key, new.concurrency_key, new.traceparent, new.checked, new.project_id,
      new.task_id, new.parent_id, new.rerun_of, new.schedule_id, new.fork_of, new.slots, new.concurrency_limit,
      new.unique_scope, new.unique_until, new.on_parent, new.depends_mode, new.on_dependency, new.budgeted,
      new.reserve_usd, new.reserve_tokens, new.created_by) is distinct from
      (null, null, null, null, null, 3, '{}'::text[], 'EXPONENTIAL', 2000, 3600000, null, null, null, null, null, null,
      false, null, null, null, null, null, null, 1, 1, 'LIVE', null, 'CANCEL', 'ALL', 'FAIL', false, null, null,
      new.actor_type || ':' || coalesce(new.actor_id, '')) then
    new.note := new.note || jsonb_strip_nulls(jobtrail.job_settings(new)) || jobtrail.job_terms(new);
  end if;
  new.last_txid := pg_current_xact_id()::text::bigint + jobtrail.txid_base();
  new.trail_hash := jobtrail.link('', new.updated_at, new.workspace_id, new.id, 1, new.event, new.status, null, null,
    new.actor_type, new.actor_id, new.note::text);
  return new;
end
$$;

create function jobtrail.link_job_change() returns trigger language plpgsql as $$
declare
  said jsonb;
begin
  if not jobtrail.job_may_move(old.status, new.status, new.event) then
    raise exception using errcode = 'JT001',
      message = format('job %s may not go from %s to %s as %s', new.id, old.status, new.status, new.event),
      hint = 'Set `event` to what happens; jobtrail.job_may_move tells what is legal.';
  end if;
  if new.attempt_count <> old.attempt_count + (new.event = 'job.started')::integer
      or (new.attempt_id is distinct from old.attempt_id) <> (new.event = 'job.started') then
    raise exception using errcode = 'JT001', message = format('job %s: only job.started names a new attempt', new.id);
  end if;
  new.version := old.version + 1;
  new.updated_at := greatest(jobtrail.clock(), old.updated_at);
  if new.status <> old.status then
    if new.status = 'RUNNING' then
      new.started_at := coalesce(old.started_at, new.updated_at);
    elsif new.status = 'COMPLETED' then
      new.completed_at := new.updated_at;
      new.actual_seconds := extract(epoch from new.updated_at - old.started_at);
    else
      new.queued_at := case when new.status = 'QUEUED' then new.updated_at else old.queued_at end;
      new.completed_at := case when new.status in ('FAILED', 'CANCELLED') then new.updated_at end;
      new.aborted_at := new.completed_at;
      new.actual_seconds := extract(epoch from new.completed_at - old.started_at);
    end if;
  end if;
  -- What a runner tells is kept also when it tells the same twice; elsewhere an equal note is the last one, left standing.
  if new.note is not null and (new.note is distinct from old.note or new.event = any ('{ai.tool_called,
      ai.artifact_created,gate.started,gate.passed,gate.failed,budget.warned,budget.exceeded}')) then
    -- A note that a verb brings cannot pass for a change of a setting.
    said := case when jsonb_typeof(new.note) <> 'object' then jsonb_build_object('note', new.note)
      else new.note - '{wait_reason,stage,progress,priority,queue,title,tags,scheduled_at,cancel_at,cancel_requested_at,
        cancel_reason,max_attempts,failure_count,loss_count,generation,error_code,error_message,estimated_seconds}'::text[]
      end;
  end if;
  if (new.wait_reason, new.stage, new.progress, new.priority, new.queue, new.title, new.tags, new.scheduled_at,
      new.cancel_at, new.cancel_requested_at, new.cancel_reason, new.max_attempts, new.failure_count, new.loss_count,
      new.generation, new.error_code, new.error_message, new.estimated_seconds)
    is distinct from (old.wait_reason, old.stage, old.progress, old.priority, old.queue, old.title, old.tags,
      old.scheduled_at, old.cancel_at, old.cancel_requested_at, old.cancel_reason, old.max_attempts,
      old.failure_count, old.loss_count, old.generation, old.error_code, old.error_message, old.estimated_seconds) then
    if jobtrail.what_is_wrong(new) is not null then
      raise exception using errcode = '23514', message = format('job %s: %s', new.id, jobtrail.what_is_wrong(new));
    end if;
    said := coalesce(said, '{}') || jobtrail.changed_settings(jobtrail.job_settings(old), jobtrail.job_settings(new));
  end if;
  -- A key that was given up is taken again by a retry only: another job may have it by now.
  if old.unique_key is not null and (old.unique_hold is not null or new.event = 'job.retried') then
    new.unique_hold := case when new.updated_at < coalesce(old.unique_until, 'infinity')
      and jobtrail.holds_key(old.unique_scope, new.status)
      and not (new.event in ('job.cancelled', 'job.cancel_requested') and said ->> 'superseded_by' is not null) then old.unique_key end;
  end if;
  new.note := said;
  -- A transaction may wait for a job that a later one holds, and go on when that has ended. Its event then counts as the
  -- later one's: whoever may see that one sees both, for this one has ended too before anything above the two is seen.
  new.last_txid := greatest(old.last_txid, pg_current_xact_id()::text::bigint + jobtrail.txid_base());
  new.trail_hash := jobtrail.link(old.trail_hash, new.updated_at, new.workspace_id, new.id, new.version, new.event,
    new.status, new.attempt_id, new.step_id, new.actor_type, new.actor_id, said::text);
  return new;
end
$$;

create function jobtrail.write_trail() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into jobtrail.events (workspace_id, job_id, attempt_id, step_id, txid, at, seq, status, actor_type, type,
      actor_id, payload, hash)
    select workspace_id, id, attempt_id, step_id, last_txid, updated_at, version, status, actor_type, event, actor_id,
      note::text, trail_hash
    from changed;
  insert into jobtrail.ready (workspace_id, job_id, rank, slots, concurrency_limit, queue, type, strand)
    select workspace_id, id, jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at), slots,
      concurrency_limit, queue, type, jobtrail.job_strand(concurrency_key, slots) from changed
    where status = 'QUEUED' and event not in ('job.updated', 'artifact.created');
  if exists (select from changed where status in ('COMPLETED', 'FAILED', 'CANCELLED') or event = 'job.cancel_requested') then
    -- Where nobody waits for anybody, which is most places and times, no job is looked up.
    if not jobtrail.serves_all() or exists (select from jobtrail.dependencies where met_at is null) then
      insert into jobtrail.settlements (workspace_id, job_id)
        select c.workspace_id, c.id from changed c cross join lateral (
          select from jobtrail.dependencies d where d.workspace_id = c.workspace_id and d.needs_id = c.id and d.met_at is null
          limit 1) waits
        where c.status in ('COMPLETED', 'FAILED', 'CANCELLED');
    end if;
    insert into jobtrail.settlements (workspace_id, job_id)
      select c.workspace_id, c.id from changed c cross join lateral (
        select from jobtrail.jobs k where k.workspace_id = c.workspace_id and k.parent_id = c.id and k.on_parent = 'CANCEL'
          and k.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') limit 1) goes
      where c.status in ('FAILED', 'CANCELLED') or c.event = 'job.cancel_requested';
  end if;
  if exists (select from changed where (status = 'PENDING' and scheduled_at is not null) or cancel_at is not null
      or (status = 'QUEUED' and queue_timeout_seconds is not null) or (checked and status not in ('RUNNING', 'COMPLETED'))
      or (unique_until is not null and event in ('job.created', 'job.retried'))) then
    insert into jobtrail.timers (workspace_id, job_id, type, due_at)
      select workspace_id, id, 'START'::jobtrail.timer_type, scheduled_at from changed
        where status = 'PENDING' and scheduled_at is not null and wait_reason is distinct from 'VALIDATION'
      union all
      select workspace_id, id, 'CANCEL', cancel_at from changed
        where cancel_at is not null and event in ('job.created', 'job.updated', 'job.retried')
      union all
      select workspace_id, id, 'QUEUE_TIMEOUT', queued_at + make_interval(secs => queue_timeout_seconds) from changed
        where status = 'QUEUED' and queue_timeout_seconds is not null
      union all
      select workspace_id, id, 'UNIQUE', unique_until from changed
        where unique_hold is not null and unique_until is not null and event in ('job.created', 'job.retried')
      on conflict (workspace_id, job_id, type) do update set due_at = excluded.due_at;
    -- Who has a job's validation loses it with every move but the one by which it was taken.
    if exists (select from changed where checked and status not in ('RUNNING', 'COMPLETED')) then
      delete from jobtrail.validations v using changed c where v.workspace_id = c.workspace_id and v.job_id = c.id
        and (c.status not in ('PENDING', 'VALIDATING') or c.wait_reason is distinct from 'VALIDATION');
      insert into jobtrail.validations as v (workspace_id, job_id, priority, queue, type)
        select workspace_id, id, priority, queue, type from changed where checked and status = 'PENDING' and wait_reason = 'VALIDATION'
        on conflict (workspace_id, job_id) do update set worker_id = null, token = null, began_at = null,
          priority = excluded.priority;
    end if;
  end if;
  return null;
end
$$;

create trigger guard_settled before update of workspace_id, id, type, input, created_at, created_by, unique_key,
  concurrency_key, traceparent, checked, project_id, task_id, parent_id, rerun_of, root_id, schedule_id, fork_of, slots,
  concurrency_limit, unique_scope, unique_until, on_parent, depends_mode, on_dependency, budgeted, reserve_usd,
  reserve_tokens, backoff_type, backoff_delay_ms, backoff_max_ms,
  timeout_seconds, idle_timeout_seconds, queue_timeout_seconds, version, updated_at, queued_at, started_at,
  completed_at, aborted_at, actual_seconds, unique_hold, last_txid, trail_hash on jobtrail.jobs for each row
  execute function jobtrail.refuse_change('a change of what the job was accepted with, or of what follows from its '
    'moves', 'Rerun it with other input.');
create trigger link_new before insert on jobtrail.jobs for each row execute function jobtrail.link_new_job();
create trigger link_change before update on jobtrail.jobs for each row execute function jobtrail.link_job_change();
create trigger write_new after insert on jobtrail.jobs referencing new table as changed for each statement
  execute function jobtrail.write_trail();
create trigger write_change after update on jobtrail.jobs referencing new table as changed for each statement
  execute function jobtrail.write_trail();

create trigger guard_move before update of status on jobtrail.attempts for each row
  when (old.status <> new.status and not jobtrail.attempt_may_move(old.status, new.status))
  execute function jobtrail.refuse_move();
create trigger guard_new before insert on jobtrail.attempts for each row
  when (not jobtrail.attempt_may_move(null, new.status)) execute function jobtrail.refuse_move();
create trigger guard_move before update of status on jobtrail.steps for each row
  when (not jobtrail.step_may_move(old.status, new.status)) execute function jobtrail.refuse_move();
create trigger guard_new before insert on jobtrail.steps for each row
  when (not jobtrail.step_may_move(null, new.status)) execute function jobtrail.refuse_move();

create trigger append_only before update or delete or truncate on jobtrail.events for each statement
  execute function jobtrail.refuse_change('anything but reading', 'The trail is append-only; retention drops whole days.');
create trigger append_only before update or delete or truncate on jobtrail.seals for each statement
  execute function jobtrail.refuse_change('anything but appending', 'Seals are append-only.');
create trigger keep before truncate on jobtrail.jobs for each statement
  execute function jobtrail.refuse_change('truncate', 'Use `jobtrail db prune`.');
