-- The schema as all migrations together make it, for reading; it is not run. A test holds it against them.
-- `python tests/law/schema_dump.py` writes it anew. Days of events, log_chunks and metrics are left out.

--
-- Name: jobtrail; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA jobtrail;

--
-- Name: actor_type; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.actor_type AS ENUM (
    'user',
    'api_key',
    'worker',
    'schedule',
    'system'
);

--
-- Name: attempt_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.attempt_status AS ENUM (
    'INITIALIZING',
    'RUNNING',
    'COMPLETED',
    'FAILED',
    'CANCELLED',
    'TIMED_OUT',
    'INTERRUPTED',
    'LOST'
);

--
-- Name: backoff_type; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.backoff_type AS ENUM (
    'FIXED',
    'LINEAR',
    'EXPONENTIAL'
);

--
-- Name: breaker_mode; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.breaker_mode AS ENUM (
    'AUTO',
    'OPEN',
    'CLOSED'
);

--
-- Name: breaker_state; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.breaker_state AS ENUM (
    'CLOSED',
    'OPEN',
    'HALF_OPEN'
);

--
-- Name: budget_period; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.budget_period AS ENUM (
    'TOTAL',
    'MONTH',
    'DAY'
);

--
-- Name: budget_policy; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.budget_policy AS ENUM (
    'GATE',
    'STOP'
);

--
-- Name: budget_scope; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.budget_scope AS ENUM (
    'ATTEMPT',
    'TREE',
    'SCHEDULE',
    'TASK',
    'PROJECT',
    'TYPE',
    'QUEUE',
    'WORKSPACE'
);

--
-- Name: catch_up_policy; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.catch_up_policy AS ENUM (
    'SKIP',
    'LAST',
    'ALL'
);

--
-- Name: delivery_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.delivery_status AS ENUM (
    'PENDING',
    'DELIVERED',
    'FAILED'
);

--
-- Name: dependency_policy; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.dependency_policy AS ENUM (
    'FAIL',
    'CANCEL',
    'RUN'
);

--
-- Name: depends_mode; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.depends_mode AS ENUM (
    'ALL',
    'ANY'
);

--
-- Name: gate_expiry; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.gate_expiry AS ENUM (
    'REJECT',
    'APPROVE',
    'FAIL',
    'CANCEL'
);

--
-- Name: gate_rejection; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.gate_rejection AS ENUM (
    'FIRST',
    'UNREACHABLE'
);

--
-- Name: gate_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.gate_status AS ENUM (
    'WAITING',
    'APPROVED',
    'REJECTED',
    'EXPIRED'
);

--
-- Name: job_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.job_status AS ENUM (
    'PENDING',
    'VALIDATING',
    'QUEUED',
    'RUNNING',
    'COMPLETED',
    'FAILED',
    'CANCELLED'
);

--
-- Name: limit_scope; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.limit_scope AS ENUM (
    'QUEUE',
    'TYPE',
    'KEY',
    'WORKSPACE'
);

--
-- Name: limit_source; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.limit_source AS ENUM (
    'USER',
    'BREAKER'
);

--
-- Name: overlap_policy; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.overlap_policy AS ENUM (
    'SKIP',
    'QUEUE',
    'REPLACE',
    'ALLOW'
);

--
-- Name: parent_policy; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.parent_policy AS ENUM (
    'CANCEL',
    'KEEP'
);

--
-- Name: phase; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.phase AS ENUM (
    'SETUP',
    'EXECUTION',
    'VALIDATION',
    'CLEANUP'
);

--
-- Name: rate_kind; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.rate_kind AS ENUM (
    'SLIDING_WINDOW',
    'TOKEN_BUCKET'
);

--
-- Name: result_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.result_status AS ENUM (
    'SUCCESS',
    'PARTIAL',
    'FAILURE'
);

--
-- Name: step_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.step_status AS ENUM (
    'PENDING',
    'RUNNING',
    'COMPLETED',
    'FAILED',
    'SKIPPED'
);

--
-- Name: step_type; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.step_type AS ENUM (
    'COMMAND',
    'AI_ACTION',
    'GATE',
    'ARTIFACT'
);

--
-- Name: task_status; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.task_status AS ENUM (
    'BACKLOG',
    'READY',
    'IN_PROGRESS',
    'REVIEW',
    'DONE',
    'CANCELLED'
);

--
-- Name: tick_outcome; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.tick_outcome AS ENUM (
    'JOB',
    'OVERLAP',
    'MISSED',
    'REFUSED'
);

--
-- Name: timer_type; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.timer_type AS ENUM (
    'START',
    'CANCEL',
    'GATE',
    'QUEUE_TIMEOUT',
    'UNIQUE'
);

--
-- Name: unique_scope; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.unique_scope AS ENUM (
    'WAITING',
    'LIVE',
    'COMPLETED',
    'ANY'
);

--
-- Name: wait_reason; Type: TYPE; Schema: jobtrail; Owner: -
--

CREATE TYPE jobtrail.wait_reason AS ENUM (
    'SCHEDULE',
    'RETRY',
    'DEPENDENCY',
    'GATE',
    'SIGNAL',
    'CHILD',
    'QUOTA',
    'BUDGET',
    'PAUSED',
    'LIMIT',
    'VALIDATION'
);

--
-- Name: administration_events; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.administration_events (
    workspace_id uuid NOT NULL,
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    type text NOT NULL,
    actor_type jobtrail.actor_type NOT NULL,
    actor_id text NOT NULL,
    subject_type text NOT NULL,
    subject_id text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT administration_events_actor_id_check CHECK ((octet_length(actor_id) <= 255)),
    CONSTRAINT administration_events_subject_id_check CHECK ((octet_length(subject_id) <= 1024)),
    CONSTRAINT administration_events_subject_type_check CHECK ((subject_type ~ '^[a-z_]+$'::text)),
    CONSTRAINT administration_events_type_check CHECK ((type ~ '^[a-z_]+\.[a-z_]+$'::text))
);

ALTER TABLE ONLY jobtrail.administration_events FORCE ROW LEVEL SECURITY;

--
-- Name: administration_link(bytea, jobtrail.administration_events); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.administration_link(previous bytea, e jobtrail.administration_events) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select sha256(previous || timestamptz_send(e.at) || convert_to(concat_ws('|', e.workspace_id, e.number, e.type,
    e.actor_type, octet_length(e.actor_id), e.actor_id, e.subject_type, octet_length(e.subject_id), e.subject_id,
    e.payload::text), 'UTF8'))
$$;

--
-- Name: attempt_may_move(jobtrail.attempt_status, jobtrail.attempt_status); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.attempt_may_move(was jobtrail.attempt_status, becomes jobtrail.attempt_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select (
    (was = 'INITIALIZING' and becomes = 'CANCELLED')
    or    (was = 'INITIALIZING' and becomes = 'COMPLETED')
    or    (was = 'INITIALIZING' and becomes = 'FAILED')
    or    (was = 'INITIALIZING' and becomes = 'INTERRUPTED')
    or    (was = 'INITIALIZING' and becomes = 'LOST')
    or    (was = 'INITIALIZING' and becomes = 'RUNNING')
    or    (was = 'INITIALIZING' and becomes = 'TIMED_OUT')
    or    (was = 'RUNNING' and becomes = 'CANCELLED')
    or    (was = 'RUNNING' and becomes = 'COMPLETED')
    or    (was = 'RUNNING' and becomes = 'FAILED')
    or    (was = 'RUNNING' and becomes = 'INTERRUPTED')
    or    (was = 'RUNNING' and becomes = 'LOST')
    or    (was = 'RUNNING' and becomes = 'TIMED_OUT')
    or    (was is null and becomes = 'INITIALIZING')
    or    (was is null and becomes = 'RUNNING')
  ) is true
$$;

--
-- Name: changed_settings(jsonb, jsonb); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.changed_settings(was jsonb, becomes jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
  select jsonb_object_agg(key, value) from jsonb_each(becomes) where value is distinct from was -> key
$$;

--
-- Name: clock(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.clock() RETURNS timestamp with time zone
    LANGUAGE sql PARALLEL SAFE
    AS $$
  select clock_timestamp()
$$;

--
-- Name: jobs; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.jobs (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    attempt_id uuid,
    step_id uuid,
    version integer DEFAULT 1 NOT NULL,
    generation integer DEFAULT 1 NOT NULL,
    attempt_count integer DEFAULT 0 NOT NULL,
    failure_count integer DEFAULT 0 NOT NULL,
    loss_count integer DEFAULT 0 NOT NULL,
    max_attempts integer DEFAULT 3 NOT NULL,
    backoff_delay_ms integer DEFAULT 2000 NOT NULL,
    backoff_max_ms integer DEFAULT 3600000 NOT NULL,
    priority smallint DEFAULT 5 NOT NULL,
    slots smallint DEFAULT 1 NOT NULL,
    concurrency_limit smallint DEFAULT 1 NOT NULL,
    status jobtrail.job_status NOT NULL,
    wait_reason jobtrail.wait_reason,
    backoff_type jobtrail.backoff_type DEFAULT 'EXPONENTIAL'::jobtrail.backoff_type NOT NULL,
    actor_type jobtrail.actor_type DEFAULT 'system'::jobtrail.actor_type NOT NULL,
    unique_scope jobtrail.unique_scope DEFAULT 'LIVE'::jobtrail.unique_scope NOT NULL,
    on_parent jobtrail.parent_policy DEFAULT 'CANCEL'::jobtrail.parent_policy NOT NULL,
    depends_mode jobtrail.depends_mode DEFAULT 'ALL'::jobtrail.depends_mode NOT NULL,
    on_dependency jobtrail.dependency_policy DEFAULT 'FAIL'::jobtrail.dependency_policy NOT NULL,
    checked boolean DEFAULT false NOT NULL,
    budgeted boolean DEFAULT false NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    timeout_seconds real,
    idle_timeout_seconds real,
    queue_timeout_seconds real,
    estimated_seconds real,
    actual_seconds real,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    updated_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    queued_at timestamp with time zone,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    scheduled_at timestamp with time zone,
    cancel_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    unique_until timestamp with time zone,
    aborted_at timestamp with time zone,
    event text DEFAULT 'job.created'::text NOT NULL,
    type text NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    actor_id text,
    created_by text,
    stage text,
    title text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    cancel_reason text,
    error_code text,
    error_message text,
    unique_key text,
    unique_hold text,
    concurrency_key text,
    traceparent text,
    project_id uuid,
    task_id uuid,
    parent_id uuid,
    rerun_of uuid,
    root_id uuid,
    schedule_id uuid,
    fork_of uuid,
    reserve_usd numeric(18,10),
    reserve_tokens bigint,
    last_txid bigint DEFAULT 0 NOT NULL,
    trail_hash bytea,
    note jsonb,
    input jsonb DEFAULT '{}'::jsonb NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_insert_scale_factor='0.2');

ALTER TABLE ONLY jobtrail.jobs FORCE ROW LEVEL SECURITY;

--
-- Name: claim_limited(uuid, uuid, text, text[], integer, integer, integer, text, text, uuid[]); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.claim_limited(by_worker uuid, space uuid, of_queue text, of_types text[], jobs_wanted integer, slots_free integer, slots_most integer, stamp text, nonce text, only_jobs uuid[] DEFAULT NULL::uuid[]) RETURNS TABLE(job jobtrail.jobs, again_ms integer, wanted_slots integer)
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: current_workspace(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.current_workspace() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select nullif(nullif(current_setting('jobtrail.workspace', true), ''), '*')::uuid
$$;

--
-- Name: drop_partitions(text, timestamp with time zone); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.drop_partitions(parent text, before timestamp with time zone) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

--
-- Name: fingerprint(text, text); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.fingerprint(error_code text, error_message text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select 'fp_' || left(encode(sha256(convert_to(coalesce(error_code, '') || E'\n' || regexp_replace(
    left(split_part(coalesce(error_message, ''), E'\n', 1), 300),
    '"[^"]*"|(?<![[:alnum:]])''[^'']*''(?![[:alnum:]])|`[^`]*`|(?:/var)?/tmp/[^[:space:],;:)]*|[[:alnum:]_.-]*[0-9][[:alnum:]_.-]*',
    '#', 'g'), 'UTF8')), 'hex'), 8)
$$;

--
-- Name: holds_key(jobtrail.unique_scope, jobtrail.job_status); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.holds_key(scope jobtrail.unique_scope, status jobtrail.job_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select case scope when 'ANY' then true when 'COMPLETED' then status not in ('FAILED', 'CANCELLED')
    when 'WAITING' then status in ('PENDING', 'VALIDATING', 'QUEUED')
    else status not in ('COMPLETED', 'FAILED', 'CANCELLED') end
$$;

--
-- Name: horizon(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.horizon() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + jobtrail.txid_base()
$$;

--
-- Name: is_among(text, text[]); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.is_among(word text, patterns text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select word = any (patterns) or exists (
    select from unnest(patterns) p where right(p, 1) = '*' and starts_with(word, left(p, -1)))
$$;

--
-- Name: is_homeless(jobtrail.jobs); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.is_homeless(j jobtrail.jobs) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: job_may_move(jobtrail.job_status, jobtrail.job_status, text); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.job_may_move(was jobtrail.job_status, becomes jobtrail.job_status, event text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select (case event
    when 'job.started' then (was = 'QUEUED' and becomes = 'RUNNING')
    when 'job.completed' then (was = 'RUNNING' and becomes = 'COMPLETED')
    when 'job.created' then (was is null and becomes = 'QUEUED') or (was is null and becomes = 'PENDING')
    when 'job.validating' then (was = 'PENDING' and becomes = 'VALIDATING')
    when 'job.queued' then (was = 'PENDING' and becomes = 'QUEUED') or (was = 'VALIDATING' and becomes = 'QUEUED')
    when 'job.resumed' then (was = 'PENDING' and becomes = 'QUEUED')
    when 'gate.approved' then (was = 'PENDING' and becomes = 'QUEUED') or (was = 'PENDING' and becomes = 'PENDING')
    when 'gate.rejected' then (was = 'PENDING' and becomes = 'QUEUED') or (was = 'PENDING' and becomes = 'PENDING')
    when 'gate.expired' then (was = 'PENDING' and becomes = 'QUEUED')
    when 'job.cancelled' then (was = 'PENDING' and becomes = 'CANCELLED') or (was = 'VALIDATING' and becomes = 'CANCELLED') or (was = 'QUEUED' and becomes = 'CANCELLED') or (was = 'RUNNING' and becomes = 'CANCELLED')
    when 'job.failed' then (was = 'PENDING' and becomes = 'FAILED') or (was = 'VALIDATING' and becomes = 'FAILED') or (was = 'QUEUED' and becomes = 'FAILED') or (was = 'RUNNING' and becomes = 'FAILED')
    when 'job.lost' then (was = 'VALIDATING' and becomes = 'PENDING') or (was = 'RUNNING' and becomes = 'QUEUED')
    when 'job.retry_scheduled' then (was = 'VALIDATING' and becomes = 'PENDING') or (was = 'RUNNING' and becomes = 'PENDING')
    when 'job.interrupted' then (was = 'VALIDATING' and becomes = 'PENDING') or (was = 'RUNNING' and becomes = 'QUEUED')
    when 'job.updated' then (was = 'VALIDATING' and becomes = 'PENDING') or (was = 'QUEUED' and becomes = 'PENDING') or (was = 'RUNNING' and becomes = 'RUNNING') or (was = 'PENDING' and becomes = 'PENDING') or (was = 'VALIDATING' and becomes = 'VALIDATING') or (was = 'QUEUED' and becomes = 'QUEUED') or (was = 'COMPLETED' and becomes = 'COMPLETED') or (was = 'FAILED' and becomes = 'FAILED') or (was = 'CANCELLED' and becomes = 'CANCELLED')
    when 'job.snoozed' then (was = 'RUNNING' and becomes = 'PENDING')
    when 'job.waiting' then (was = 'RUNNING' and becomes = 'PENDING')
    when 'gate.requested' then (was = 'RUNNING' and becomes = 'PENDING')
    when 'job.retried' then (was = 'FAILED' and becomes = 'QUEUED') or (was = 'CANCELLED' and becomes = 'QUEUED')
    when 'job.progress' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'job.cancel_requested' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'step.started' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'step.progress' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'step.completed' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'step.failed' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'step.skipped' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'gate.started' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'gate.passed' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'gate.failed' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'ai.tool_called' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'ai.tokens_used' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'ai.artifact_created' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'artifact.created' then (was = 'RUNNING' and becomes = 'RUNNING') or (was = 'PENDING' and becomes = 'PENDING') or (was = 'VALIDATING' and becomes = 'VALIDATING') or (was = 'QUEUED' and becomes = 'QUEUED')
    when 'budget.warned' then (was = 'RUNNING' and becomes = 'RUNNING')
    when 'budget.exceeded' then (was = 'RUNNING' and becomes = 'RUNNING')
    else false end) is true
$$;

--
-- Name: job_rank(smallint, integer, timestamp with time zone, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.job_rank(priority smallint, generation integer, created_at timestamp with time zone, scheduled_at timestamp with time zone, queued_at timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select (date_part('epoch', case when generation > 1 then queued_at else greatest(created_at, scheduled_at) end
    - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint - priority * 3600000
$$;

--
-- Name: job_settings(jobtrail.jobs); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.job_settings(j jobtrail.jobs) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
  select jsonb_build_object('wait_reason', j.wait_reason, 'stage', j.stage, 'progress', j.progress,
    'priority', j.priority, 'queue', j.queue, 'title', j.title, 'tags', j.tags, 'scheduled_at', j.scheduled_at,
    'cancel_at', j.cancel_at, 'cancel_requested_at', j.cancel_requested_at, 'cancel_reason', j.cancel_reason,
    'max_attempts', j.max_attempts, 'failure_count', j.failure_count, 'loss_count', j.loss_count,
    'generation', j.generation, 'error_code', j.error_code, 'error_message', j.error_message,
    'estimated_seconds', j.estimated_seconds)
$$;

--
-- Name: job_strand(text, smallint); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.job_strand(concurrency_key text, slots smallint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select case when concurrency_key is not null then '=' || concurrency_key when slots > 1 then '+' else '' end
$$;

--
-- Name: job_terms(jobtrail.jobs); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.job_terms(j jobtrail.jobs) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
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

--
-- Name: link(bytea, timestamp with time zone, uuid, uuid, integer, text, jobtrail.job_status, uuid, uuid, jobtrail.actor_type, text, text); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.link(previous bytea, at timestamp with time zone, workspace_id uuid, job_id uuid, seq integer, type text, status jobtrail.job_status, attempt_id uuid, step_id uuid, actor_type jobtrail.actor_type, actor_id text, payload text) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select sha256(previous || timestamptz_send(at) || convert_to(concat_ws('|', workspace_id, job_id, seq, type, status,
    coalesce(attempt_id::text, ''), coalesce(step_id::text, ''), actor_type, coalesce(octet_length(actor_id), -1),
    coalesce(actor_id, ''), coalesce(payload, '')), 'UTF8'))
$$;

--
-- Name: link_administration(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.link_administration() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended(new.workspace_id::text, 6));
  select number, at, hash into last from jobtrail.administration_events
    where workspace_id = new.workspace_id order by number desc limit 1;
  new.number := coalesce(last.number, 0) + 1;
  new.at := greatest(jobtrail.clock(), last.at);
  new.hash := jobtrail.administration_link(coalesce(last.hash, ''), new);
  return new;
end
$$;

--
-- Name: link_job_change(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.link_job_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: link_new_job(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.link_new_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: make_partitions(integer); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.make_partitions(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

--
-- Name: period_end(jobtrail.budget_period); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.period_end(period jobtrail.budget_period) RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
  select case period when 'DAY' then (date_trunc('day', jobtrail.clock() at time zone 'UTC') + interval '1 day') at time zone 'UTC'
    when 'MONTH' then (date_trunc('month', jobtrail.clock() at time zone 'UTC') + interval '1 month') at time zone 'UTC' end
$$;

--
-- Name: period_start(jobtrail.budget_period); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.period_start(period jobtrail.budget_period) RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
  select case period when 'TOTAL' then '-infinity'::timestamptz
    else date_trunc(case period when 'DAY' then 'day' else 'month' end, jobtrail.clock(), 'UTC') end
$$;

--
-- Name: protect_partition(text, boolean); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.protect_partition(name text, append_only boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: limits; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.limits (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    scope jobtrail.limit_scope NOT NULL,
    name text NOT NULL,
    source jobtrail.limit_source DEFAULT 'USER'::jobtrail.limit_source NOT NULL,
    max_slots integer,
    rate_count integer,
    rate_seconds double precision,
    rate_kind jobtrail.rate_kind,
    burst integer,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    reason text,
    CONSTRAINT limits_burst_check CHECK (((burst >= 1) AND (burst <= 1000000))),
    CONSTRAINT limits_check CHECK (((scope = 'WORKSPACE'::jobtrail.limit_scope) = (name = ''::text))),
    CONSTRAINT limits_check1 CHECK (((max_slots IS NOT NULL) OR (rate_count IS NOT NULL))),
    CONSTRAINT limits_check2 CHECK ((((rate_count IS NULL) = (rate_seconds IS NULL)) AND ((rate_count IS NULL) = (rate_kind IS NULL)))),
    CONSTRAINT limits_check3 CHECK (((burst IS NULL) OR (rate_kind = 'TOKEN_BUCKET'::jobtrail.rate_kind))),
    CONSTRAINT limits_check4 CHECK (((scope <> 'KEY'::jobtrail.limit_scope) OR (rate_count IS NULL))),
    CONSTRAINT limits_max_slots_check CHECK (((max_slots >= 0) AND (max_slots <= 1000000))),
    CONSTRAINT limits_name_check CHECK ((octet_length(name) <= 255)),
    CONSTRAINT limits_rate_count_check CHECK (((rate_count >= 1) AND (rate_count <= 1000000))),
    CONSTRAINT limits_rate_seconds_check CHECK (((rate_seconds >= (0.001)::double precision) AND (rate_seconds <= (31622400)::double precision)))
);

ALTER TABLE ONLY jobtrail.limits FORCE ROW LEVEL SECURITY;

--
-- Name: rate_room(jobtrail.limits, timestamp with time zone); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.rate_room(l jobtrail.limits, now timestamp with time zone, OUT starts integer, OUT again_ms integer) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
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

--
-- Name: rebase_txids(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.rebase_txids() RETURNS bigint
    LANGUAGE plpgsql
    AS $_$
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
$_$;

--
-- Name: refuse_change(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception using errcode = 'JT002', message = format('%s: %s is not allowed here', tg_table_name, tg_argv[0]),
    hint = tg_argv[1];
end
$$;

--
-- Name: refuse_move(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.refuse_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: refuse_new_step(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.refuse_new_step() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if new.status = 'COMPLETED' and new.attempt_id is null and exists (select from jobtrail.jobs j
      where j.workspace_id = new.workspace_id and j.id = new.job_id and j.fork_of is not null and j.attempt_count = 0) then
    return new;
  end if;
  raise exception using errcode = 'JT001', message = format('step %s may not become %s', new.id, new.status),
    hint = 'It was nothing.';
end
$$;

--
-- Name: remove_jobs(timestamp with time zone, integer); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.remove_jobs(before timestamp with time zone, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

--
-- Name: serves_all(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.serves_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select coalesce(current_setting('jobtrail.workspace', true) = '*', false)
$$;

--
-- Name: step_may_move(jobtrail.step_status, jobtrail.step_status); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.step_may_move(was jobtrail.step_status, becomes jobtrail.step_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select (
    (was = 'FAILED' and becomes = 'RUNNING')
    or    (was = 'PENDING' and becomes = 'RUNNING')
    or    (was = 'PENDING' and becomes = 'SKIPPED')
    or    (was = 'RUNNING' and becomes = 'COMPLETED')
    or    (was = 'RUNNING' and becomes = 'FAILED')
    or    (was = 'RUNNING' and becomes = 'RUNNING')
    or    (was = 'RUNNING' and becomes = 'SKIPPED')
    or    (was = 'SKIPPED' and becomes = 'RUNNING')
    or    (was is null and becomes = 'PENDING')
    or    (was is null and becomes = 'RUNNING')
    or    (was is null and becomes = 'SKIPPED')
  ) is true
$$;

--
-- Name: take_ready(uuid, text, text[], integer, integer, integer, uuid[]); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.take_ready(space uuid, of_queue text, of_types text[], jobs_wanted integer, slots_free integer, slots_most integer, only_jobs uuid[], OUT taken uuid[], OUT types text[], OUT again_ms integer, OUT wanted_slots integer) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: tell_rates(uuid, text, text[], timestamp with time zone); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.tell_rates(space uuid, of_queue text, taken text[], now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

--
-- Name: txid_base(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.txid_base() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ select 0::bigint $$;

--
-- Name: webhooks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.webhooks (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    queues text[] DEFAULT '{}'::text[] NOT NULL,
    description text,
    secret text NOT NULL,
    secret_before text,
    secret_before_until timestamp with time zone,
    enabled_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    disabled_at timestamp with time zone,
    disabled_reason text,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    updated_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT webhooks_check CHECK (((secret_before IS NULL) = (secret_before_until IS NULL))),
    CONSTRAINT webhooks_description_check CHECK ((octet_length(description) <= 1024)),
    CONSTRAINT webhooks_events_check CHECK (((cardinality(events) >= 1) AND (cardinality(events) <= 100))),
    CONSTRAINT webhooks_queues_check CHECK ((cardinality(queues) <= 100)),
    CONSTRAINT webhooks_types_check CHECK ((cardinality(types) <= 100)),
    CONSTRAINT webhooks_url_check CHECK (((octet_length(url) >= 1) AND (octet_length(url) <= 2048)))
);

ALTER TABLE ONLY jobtrail.webhooks FORCE ROW LEVEL SECURITY;

--
-- Name: wants(jobtrail.webhooks, text, text, text); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.wants(w jobtrail.webhooks, event text, type text, queue text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  select type <> 'jobtrail.webhook' and array[event, split_part(event, '.', 1) || '.*', '*'] && w.events
    and (w.types = '{}' or jobtrail.is_among(type, w.types)) and (w.queues = '{}' or queue = any (w.queues))
$$;

--
-- Name: what_is_wrong(jobtrail.jobs); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.what_is_wrong(j jobtrail.jobs) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
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

--
-- Name: write_trail(); Type: FUNCTION; Schema: jobtrail; Owner: -
--

CREATE FUNCTION jobtrail.write_trail() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

--
-- Name: api_keys; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.api_keys (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255))),
    CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 100))),
    CONSTRAINT api_keys_secret_hash_check CHECK ((octet_length(secret_hash) = 32)),
    CONSTRAINT expires_in_the_future CHECK ((expires_at > created_at))
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.api_keys FORCE ROW LEVEL SECURITY;

--
-- Name: assets; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.assets (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    job_id uuid,
    attempt_id uuid,
    step_id uuid,
    source_task_id uuid,
    name text NOT NULL,
    role text DEFAULT 'output'::text NOT NULL,
    media_type text DEFAULT 'application/octet-stream'::text NOT NULL,
    byte_size bigint NOT NULL,
    sha256 text NOT NULL,
    storage_key text NOT NULL,
    created_by text,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT assets_byte_size_check CHECK ((byte_size >= 0)),
    CONSTRAINT assets_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255))),
    CONSTRAINT assets_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

ALTER TABLE ONLY jobtrail.assets FORCE ROW LEVEL SECURITY;

--
-- Name: attempts; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.attempts (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    id uuid NOT NULL,
    worker_id uuid NOT NULL,
    number integer NOT NULL,
    process_id integer,
    exit_code integer,
    status jobtrail.attempt_status DEFAULT 'RUNNING'::jobtrail.attempt_status NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    cpu_seconds double precision,
    memory_bytes bigint,
    disk_bytes bigint,
    started_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    ended_at timestamp with time zone,
    slots smallint DEFAULT 1 NOT NULL,
    queue text,
    type text,
    concurrency_key text,
    session_id text,
    error_code text,
    error_message text,
    stack_trace text
)
WITH (autovacuum_vacuum_insert_scale_factor='0.2');

ALTER TABLE ONLY jobtrail.attempts FORCE ROW LEVEL SECURITY;

--
-- Name: breakers; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.breakers (
    workspace_id uuid NOT NULL,
    type text NOT NULL,
    limit_id uuid NOT NULL,
    mode jobtrail.breaker_mode DEFAULT 'AUTO'::jobtrail.breaker_mode NOT NULL,
    state jobtrail.breaker_state DEFAULT 'CLOSED'::jobtrail.breaker_state NOT NULL,
    state_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    min_failures integer DEFAULT 10 NOT NULL,
    failure_ratio real DEFAULT 0.5 NOT NULL,
    window_seconds integer DEFAULT 60 NOT NULL,
    open_seconds integer DEFAULT 30 NOT NULL,
    probes integer DEFAULT 1 NOT NULL,
    reason text,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT breakers_failure_ratio_check CHECK (((failure_ratio > (0)::double precision) AND (failure_ratio <= (1)::double precision))),
    CONSTRAINT breakers_min_failures_check CHECK (((min_failures >= 1) AND (min_failures <= 1000000))),
    CONSTRAINT breakers_open_seconds_check CHECK (((open_seconds >= 1) AND (open_seconds <= 86400))),
    CONSTRAINT breakers_probes_check CHECK (((probes >= 1) AND (probes <= 1000))),
    CONSTRAINT breakers_type_check CHECK (((octet_length(type) >= 1) AND (octet_length(type) <= 255))),
    CONSTRAINT breakers_window_seconds_check CHECK (((window_seconds >= 10) AND (window_seconds <= 3600)))
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.breakers FORCE ROW LEVEL SECURITY;

--
-- Name: budget_holds; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.budget_holds (
    workspace_id uuid NOT NULL,
    budget_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    job_id uuid NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    usd numeric DEFAULT 0 NOT NULL,
    CONSTRAINT budget_holds_tokens_check CHECK ((tokens >= 0)),
    CONSTRAINT budget_holds_usd_check CHECK ((usd >= (0)::numeric))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY jobtrail.budget_holds FORCE ROW LEVEL SECURITY;

--
-- Name: budget_waits; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.budget_waits (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    budget_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    usd numeric DEFAULT 0 NOT NULL
);

ALTER TABLE ONLY jobtrail.budget_waits FORCE ROW LEVEL SECURITY;

--
-- Name: budgets; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.budgets (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    job_id uuid,
    limit_tokens bigint,
    limit_seconds double precision,
    settled_tokens bigint DEFAULT 0 NOT NULL,
    settled_seconds double precision DEFAULT 0 NOT NULL,
    period_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    updated_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    warned_at timestamp with time zone,
    exceeded_at timestamp with time zone,
    refused_at timestamp with time zone,
    gate_id uuid,
    scope jobtrail.budget_scope NOT NULL,
    period jobtrail.budget_period DEFAULT 'TOTAL'::jobtrail.budget_period NOT NULL,
    on_exceeded jobtrail.budget_policy DEFAULT 'GATE'::jobtrail.budget_policy NOT NULL,
    wide boolean DEFAULT true NOT NULL,
    warn_at real DEFAULT 0.8 NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    created_by text,
    limit_usd numeric(18,10),
    settled_usd numeric DEFAULT 0 NOT NULL,
    CONSTRAINT budgets_check CHECK ((num_nonnulls(limit_usd, limit_tokens, limit_seconds) > 0)),
    CONSTRAINT budgets_check1 CHECK (((scope = 'WORKSPACE'::jobtrail.budget_scope) = (subject = ''::text))),
    CONSTRAINT budgets_check2 CHECK (((job_id IS NOT NULL) = (scope = ANY (ARRAY['ATTEMPT'::jobtrail.budget_scope, 'TREE'::jobtrail.budget_scope])))),
    CONSTRAINT budgets_check3 CHECK (((job_id IS NULL) OR ((subject = (job_id)::text) AND (period = 'TOTAL'::jobtrail.budget_period)))),
    CONSTRAINT budgets_limit_seconds_check CHECK (((limit_seconds > (0)::double precision) AND (limit_seconds < 'Infinity'::double precision))),
    CONSTRAINT budgets_limit_tokens_check CHECK ((limit_tokens > 0)),
    CONSTRAINT budgets_limit_usd_check CHECK ((limit_usd > (0)::numeric)),
    CONSTRAINT budgets_subject_check CHECK ((octet_length(subject) <= 255)),
    CONSTRAINT budgets_warn_at_check CHECK (((warn_at > (0)::double precision) AND (warn_at <= (1)::double precision)))
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.budgets FORCE ROW LEVEL SECURITY;

--
-- Name: callbacks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.callbacks (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    name text NOT NULL,
    secret bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT callbacks_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.callbacks FORCE ROW LEVEL SECURITY;

--
-- Name: claim_places; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.claim_places (
    workspace_id uuid NOT NULL,
    queue text NOT NULL,
    of text NOT NULL,
    rank bigint,
    job_id uuid,
    strand text
)
WITH (fillfactor='50');

ALTER TABLE ONLY jobtrail.claim_places FORCE ROW LEVEL SECURITY;

--
-- Name: dependencies; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.dependencies (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    needs_id uuid NOT NULL,
    step_id uuid,
    place integer DEFAULT 0 NOT NULL,
    generation integer DEFAULT 1 NOT NULL,
    wakes boolean DEFAULT false NOT NULL,
    met_as jobtrail.job_status,
    met_at timestamp with time zone
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

ALTER TABLE ONLY jobtrail.dependencies FORCE ROW LEVEL SECURITY;

--
-- Name: error_marks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.error_marks (
    workspace_id uuid NOT NULL,
    fingerprint text NOT NULL,
    status text NOT NULL,
    note text,
    marked_by text NOT NULL,
    marked_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT error_marks_fingerprint_check CHECK (((octet_length(fingerprint) >= 1) AND (octet_length(fingerprint) <= 64))),
    CONSTRAINT error_marks_note_check CHECK ((octet_length(note) <= 4096)),
    CONSTRAINT error_marks_status_check CHECK ((status = ANY (ARRAY['MUTED'::text, 'RESOLVED'::text])))
);

ALTER TABLE ONLY jobtrail.error_marks FORCE ROW LEVEL SECURITY;

--
-- Name: events; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.events (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt_id uuid,
    step_id uuid,
    txid bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    seq integer NOT NULL,
    status jobtrail.job_status NOT NULL,
    actor_type jobtrail.actor_type NOT NULL,
    type text NOT NULL,
    actor_id text,
    payload text,
    hash bytea NOT NULL
)
PARTITION BY RANGE (at);

ALTER TABLE ONLY jobtrail.events FORCE ROW LEVEL SECURITY;

--
-- Name: events_rest; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.events_rest (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt_id uuid,
    step_id uuid,
    txid bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    seq integer NOT NULL,
    status jobtrail.job_status NOT NULL,
    actor_type jobtrail.actor_type NOT NULL,
    type text NOT NULL,
    actor_id text,
    payload text,
    hash bytea NOT NULL
);

ALTER TABLE ONLY jobtrail.events_rest FORCE ROW LEVEL SECURITY;

--
-- Name: gate_decisions; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.gate_decisions (
    workspace_id uuid NOT NULL,
    gate_id uuid NOT NULL,
    actor_type jobtrail.actor_type NOT NULL,
    actor_id text NOT NULL,
    approved boolean NOT NULL,
    comment text,
    form jsonb,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    number bigint NOT NULL,
    voice text NOT NULL,
    link_id uuid,
    superseded_at timestamp with time zone
);

ALTER TABLE ONLY jobtrail.gate_decisions FORCE ROW LEVEL SECURITY;

--
-- Name: gate_decisions_number_seq; Type: SEQUENCE; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.gate_decisions ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME jobtrail.gate_decisions_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: gate_links; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.gate_links (
    workspace_id uuid NOT NULL,
    gate_id uuid NOT NULL,
    id uuid NOT NULL,
    person text NOT NULL,
    secret bytea NOT NULL,
    actor_type jobtrail.actor_type NOT NULL,
    actor_id text NOT NULL,
    as_owner boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT gate_links_person_check CHECK (((octet_length(person) >= 1) AND (octet_length(person) <= 255)))
);

ALTER TABLE ONLY jobtrail.gate_links FORCE ROW LEVEL SECURITY;

--
-- Name: gates; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.gates (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    step_id uuid NOT NULL,
    id uuid NOT NULL,
    question text NOT NULL,
    approvers text[] DEFAULT '{}'::text[] NOT NULL,
    needed integer DEFAULT 1 NOT NULL,
    form jsonb,
    status jobtrail.gate_status DEFAULT 'WAITING'::jobtrail.gate_status NOT NULL,
    asked_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    expires_at timestamp with time zone,
    decided_at timestamp with time zone,
    on_expire jobtrail.gate_expiry DEFAULT 'REJECT'::jobtrail.gate_expiry NOT NULL,
    rejections jobtrail.gate_rejection DEFAULT 'FIRST'::jobtrail.gate_rejection NOT NULL,
    no_self_approval boolean DEFAULT false NOT NULL,
    comment_required boolean DEFAULT false NOT NULL,
    escalate_to text[] DEFAULT '{}'::text[] NOT NULL,
    escalate_at timestamp with time zone,
    CONSTRAINT gates_needed_check CHECK (((needed >= 1) AND (needed <= 100)))
);

ALTER TABLE ONLY jobtrail.gates FORCE ROW LEVEL SECURITY;

--
-- Name: group_members; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.group_members (
    workspace_id uuid NOT NULL,
    group_name text NOT NULL,
    member text NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT group_members_member_check CHECK ((((octet_length(member) >= 1) AND (octet_length(member) <= 255)) AND (member = lower(member))))
);

ALTER TABLE ONLY jobtrail.group_members FORCE ROW LEVEL SECURITY;

--
-- Name: groups; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.groups (
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT groups_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_.-]{0,99}$'::text))
);

ALTER TABLE ONLY jobtrail.groups FORCE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.idempotency_keys (
    workspace_id uuid NOT NULL,
    key text NOT NULL,
    job_id uuid NOT NULL,
    request_sha256 bytea NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 255)))
);

ALTER TABLE ONLY jobtrail.idempotency_keys FORCE ROW LEVEL SECURITY;

--
-- Name: log_chunks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.log_chunks (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    step_id uuid,
    first_line bigint NOT NULL,
    lines integer NOT NULL,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    levels text[] NOT NULL,
    correlation_ids text[] DEFAULT '{}'::text[] NOT NULL,
    body text NOT NULL,
    CONSTRAINT log_chunks_lines_check CHECK ((lines > 0))
)
PARTITION BY RANGE (at);

ALTER TABLE ONLY jobtrail.log_chunks FORCE ROW LEVEL SECURITY;

--
-- Name: log_chunks_rest; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.log_chunks_rest (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    step_id uuid,
    first_line bigint NOT NULL,
    lines integer NOT NULL,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    levels text[] NOT NULL,
    correlation_ids text[] DEFAULT '{}'::text[] NOT NULL,
    body text NOT NULL,
    CONSTRAINT log_chunks_lines_check CHECK ((lines > 0))
);

ALTER TABLE ONLY jobtrail.log_chunks_rest FORCE ROW LEVEL SECURITY;

--
-- Name: login_failures; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.login_failures (
    email text NOT NULL,
    address text NOT NULL,
    failures integer DEFAULT 1 NOT NULL,
    last_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.login_failures FORCE ROW LEVEL SECURITY;

--
-- Name: login_sessions; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.login_sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT login_sessions_token_hash_check CHECK ((octet_length(token_hash) = 32))
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.login_sessions FORCE ROW LEVEL SECURITY;

--
-- Name: memberships; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.memberships (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    entered_at timestamp with time zone,
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['VIEWER'::text, 'OPERATOR'::text, 'ADMIN'::text, 'OWNER'::text])))
);

ALTER TABLE ONLY jobtrail.memberships FORCE ROW LEVEL SECURITY;

--
-- Name: metrics; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.metrics (
    workspace_id uuid NOT NULL,
    job_id uuid,
    attempt_id uuid,
    worker_id uuid,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    value double precision NOT NULL,
    metric_type text NOT NULL,
    metric_name text NOT NULL,
    unit text,
    queue text,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL
)
PARTITION BY RANGE (at);

ALTER TABLE ONLY jobtrail.metrics FORCE ROW LEVEL SECURITY;

--
-- Name: metrics_rest; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.metrics_rest (
    workspace_id uuid NOT NULL,
    job_id uuid,
    attempt_id uuid,
    worker_id uuid,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    value double precision NOT NULL,
    metric_type text NOT NULL,
    metric_name text NOT NULL,
    unit text,
    queue text,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY jobtrail.metrics_rest FORCE ROW LEVEL SECURITY;

--
-- Name: migrations; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

--
-- Name: nexrender_jobs; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.nexrender_jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    uid text NOT NULL,
    request_sha256 bytea NOT NULL,
    said jsonb DEFAULT '{}'::jsonb NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT nexrender_jobs_uid_check CHECK (((octet_length(uid) >= 1) AND (octet_length(uid) <= 200)))
);

ALTER TABLE ONLY jobtrail.nexrender_jobs FORCE ROW LEVEL SECURITY;

--
-- Name: passwords; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.passwords (
    user_id uuid NOT NULL,
    hash text NOT NULL,
    set_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT passwords_hash_check CHECK (((octet_length(hash) >= 32) AND (octet_length(hash) <= 512)))
);

ALTER TABLE ONLY jobtrail.passwords FORCE ROW LEVEL SECURITY;

--
-- Name: projects; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.projects (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT projects_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.projects FORCE ROW LEVEL SECURITY;

--
-- Name: queue_stats; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.queue_stats (
    workspace_id uuid NOT NULL,
    queue text NOT NULL,
    at timestamp with time zone NOT NULL,
    depth bigint NOT NULL,
    oldest_age_seconds double precision NOT NULL,
    jobs_in bigint NOT NULL,
    jobs_out bigint NOT NULL,
    failures bigint NOT NULL,
    wait_p50_ms double precision,
    wait_p95_ms double precision
);

ALTER TABLE ONLY jobtrail.queue_stats FORCE ROW LEVEL SECURITY;

--
-- Name: queues; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.queues (
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    paused_reason text,
    CONSTRAINT queues_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.queues FORCE ROW LEVEL SECURITY;

--
-- Name: rate_buckets; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.rate_buckets (
    workspace_id uuid NOT NULL,
    limit_id uuid NOT NULL,
    tokens double precision NOT NULL,
    at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE ONLY jobtrail.rate_buckets FORCE ROW LEVEL SECURITY;

--
-- Name: rate_starts; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.rate_starts (
    workspace_id uuid NOT NULL,
    limit_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    number integer NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.rate_starts FORCE ROW LEVEL SECURITY;

--
-- Name: ready; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.ready (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    rank bigint NOT NULL,
    slots smallint DEFAULT 1 NOT NULL,
    concurrency_limit smallint DEFAULT 1 NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    strand text DEFAULT ''::text NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY jobtrail.ready FORCE ROW LEVEL SECURITY;

--
-- Name: results; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.results (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    generation integer NOT NULL,
    execution_time_ms bigint,
    tokens_used bigint,
    cost_usd numeric(18,10),
    status jobtrail.result_status NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    summary text,
    output jsonb
);

ALTER TABLE ONLY jobtrail.results FORCE ROW LEVEL SECURITY;

--
-- Name: schedule_ticks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.schedule_ticks (
    workspace_id uuid NOT NULL,
    schedule_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    ticks integer,
    outcome jobtrail.tick_outcome NOT NULL,
    job_id uuid,
    reason text,
    manual boolean DEFAULT false NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT schedule_ticks_check CHECK (((outcome = 'JOB'::jobtrail.tick_outcome) = (job_id IS NOT NULL))),
    CONSTRAINT schedule_ticks_reason_check CHECK ((octet_length(reason) <= 4096))
);

ALTER TABLE ONLY jobtrail.schedule_ticks FORCE ROW LEVEL SECURITY;

--
-- Name: schedules; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.schedules (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    expression text NOT NULL,
    zone text NOT NULL,
    input jsonb NOT NULL,
    title text,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    overlap jobtrail.overlap_policy DEFAULT 'SKIP'::jobtrail.overlap_policy NOT NULL,
    catch_up jobtrail.catch_up_policy DEFAULT 'LAST'::jobtrail.catch_up_policy NOT NULL,
    catch_up_most integer DEFAULT 100 NOT NULL,
    jitter_seconds real DEFAULT 0 NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    anchor_at timestamp with time zone NOT NULL,
    next_at timestamp with time zone,
    due_at timestamp with time zone,
    last_tick_at timestamp with time zone,
    paused_at timestamp with time zone,
    paused_by text,
    paused_reason text,
    declared_by text,
    declaration bytea,
    undeclared_at timestamp with time zone,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    updated_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT schedules_catch_up_most_check CHECK (((catch_up_most >= 1) AND (catch_up_most <= 1000))),
    CONSTRAINT schedules_check CHECK (((paused_at IS NULL) OR (due_at IS NULL))),
    CONSTRAINT schedules_expression_check CHECK (((octet_length(expression) >= 1) AND (octet_length(expression) <= 1024))),
    CONSTRAINT schedules_jitter_seconds_check CHECK (((jitter_seconds >= (0)::double precision) AND (jitter_seconds <= (86400)::double precision))),
    CONSTRAINT schedules_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255))),
    CONSTRAINT schedules_paused_reason_check CHECK ((octet_length(paused_reason) <= 4096)),
    CONSTRAINT schedules_title_check CHECK (((octet_length(title) >= 1) AND (octet_length(title) <= 4096))),
    CONSTRAINT schedules_type_check CHECK (((octet_length(type) >= 1) AND (octet_length(type) <= 255))),
    CONSTRAINT schedules_zone_check CHECK (((octet_length(zone) >= 1) AND (octet_length(zone) <= 64)))
)
WITH (fillfactor='80');

ALTER TABLE ONLY jobtrail.schedules FORCE ROW LEVEL SECURITY;

--
-- Name: sealer; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.sealer (
    single boolean DEFAULT true NOT NULL,
    up_to_txid bigint DEFAULT 0 NOT NULL,
    safe_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    seen_txid bigint DEFAULT 0 NOT NULL,
    seen_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT sealer_single_check CHECK (single)
)
WITH (fillfactor='50');

ALTER TABLE ONLY jobtrail.sealer FORCE ROW LEVEL SECURITY;

--
-- Name: seals; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.seals (
    workspace_id uuid NOT NULL,
    number bigint NOT NULL,
    after_txid bigint NOT NULL,
    up_to_txid bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    events bigint NOT NULL,
    parts jsonb NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    signature bytea NOT NULL,
    sealed_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT seals_events_check CHECK ((events > 0))
);

ALTER TABLE ONLY jobtrail.seals FORCE ROW LEVEL SECURITY;

--
-- Name: settlements; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.settlements (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY jobtrail.settlements FORCE ROW LEVEL SECURITY;

--
-- Name: signals; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.signals (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    name text NOT NULL,
    payload jsonb,
    actor_type jobtrail.actor_type NOT NULL,
    actor_id text,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT signals_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.signals FORCE ROW LEVEL SECURITY;

--
-- Name: steps; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.steps (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    id uuid NOT NULL,
    attempt_id uuid,
    ordinal integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    phase jobtrail.phase DEFAULT 'EXECUTION'::jobtrail.phase NOT NULL,
    type jobtrail.step_type DEFAULT 'COMMAND'::jobtrail.step_type NOT NULL,
    status jobtrail.step_status NOT NULL,
    output jsonb,
    tokens_input bigint DEFAULT 0 NOT NULL,
    tokens_output bigint DEFAULT 0 NOT NULL,
    cost_usd numeric(18,10),
    error_message text,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    duration_ms bigint,
    CONSTRAINT steps_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 300))),
    CONSTRAINT steps_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.steps FORCE ROW LEVEL SECURITY;

--
-- Name: supersedings; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.supersedings (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    heir_id uuid NOT NULL,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    since timestamp with time zone NOT NULL
);

ALTER TABLE ONLY jobtrail.supersedings FORCE ROW LEVEL SECURITY;

--
-- Name: tasks; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.tasks (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    project_id uuid,
    title text NOT NULL,
    description text,
    prompt text,
    config jsonb DEFAULT '{}'::jsonb NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    status jobtrail.task_status DEFAULT 'BACKLOG'::jobtrail.task_status NOT NULL,
    priority smallint DEFAULT 5 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    updated_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    CONSTRAINT tasks_priority_check CHECK (((priority >= 1) AND (priority <= 10))),
    CONSTRAINT tasks_title_check CHECK (((octet_length(title) >= 1) AND (octet_length(title) <= 1024)))
);

ALTER TABLE ONLY jobtrail.tasks FORCE ROW LEVEL SECURITY;

--
-- Name: timers; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.timers (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    type jobtrail.timer_type NOT NULL,
    due_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY jobtrail.timers FORCE ROW LEVEL SECURITY;

--
-- Name: tombstones; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.tombstones (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    last_seq integer NOT NULL,
    trail_hash bytea NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL
);

ALTER TABLE ONLY jobtrail.tombstones FORCE ROW LEVEL SECURITY;

--
-- Name: type_outcomes; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.type_outcomes (
    workspace_id uuid NOT NULL,
    type text NOT NULL,
    at timestamp with time zone NOT NULL,
    completed bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    timed_out bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');

ALTER TABLE ONLY jobtrail.type_outcomes FORCE ROW LEVEL SECURITY;

--
-- Name: upkeep_leases; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.upkeep_leases (
    duty text NOT NULL,
    worker_id uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL
);

ALTER TABLE ONLY jobtrail.upkeep_leases FORCE ROW LEVEL SECURITY;

--
-- Name: usage; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.usage (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    number integer NOT NULL,
    step_id uuid,
    provider text NOT NULL,
    model text NOT NULL,
    input_tokens bigint DEFAULT 0 NOT NULL,
    output_tokens bigint DEFAULT 0 NOT NULL,
    cached_tokens bigint DEFAULT 0 NOT NULL,
    reasoning_tokens bigint DEFAULT 0 NOT NULL,
    cost_usd numeric(18,10),
    price_source text,
    at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    project_id uuid,
    task_id uuid,
    CONSTRAINT usage_cached_tokens_check CHECK ((cached_tokens >= 0)),
    CONSTRAINT usage_input_tokens_check CHECK ((input_tokens >= 0)),
    CONSTRAINT usage_output_tokens_check CHECK ((output_tokens >= 0)),
    CONSTRAINT usage_reasoning_tokens_check CHECK ((reasoning_tokens >= 0))
);

ALTER TABLE ONLY jobtrail.usage FORCE ROW LEVEL SECURITY;

--
-- Name: users; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT users_email_check CHECK (((octet_length(email) <= 254) AND (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'::text))),
    CONSTRAINT users_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255)))
);

ALTER TABLE ONLY jobtrail.users FORCE ROW LEVEL SECURITY;

--
-- Name: validations; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.validations (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    worker_id uuid,
    token uuid,
    priority smallint NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    began_at timestamp with time zone,
    queue text NOT NULL,
    type text NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000');

ALTER TABLE ONLY jobtrail.validations FORCE ROW LEVEL SECURITY;

--
-- Name: waits; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.waits (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    step_id uuid NOT NULL,
    signal text,
    until_at timestamp with time zone,
    generation integer,
    begun_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL
);

ALTER TABLE ONLY jobtrail.waits FORCE ROW LEVEL SECURITY;

--
-- Name: webhook_deliveries; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.webhook_deliveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    job_id uuid NOT NULL,
    seq integer NOT NULL,
    event text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    status jobtrail.delivery_status DEFAULT 'PENDING'::jobtrail.delivery_status NOT NULL,
    delivery_job_id uuid NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    http_status integer,
    error text,
    body_sha256 text,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    tried_at timestamp with time zone,
    delivered_at timestamp with time zone
)
WITH (fillfactor='80');

ALTER TABLE ONLY jobtrail.webhook_deliveries FORCE ROW LEVEL SECURITY;

--
-- Name: webhook_dispatcher; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.webhook_dispatcher (
    single boolean DEFAULT true NOT NULL,
    txid bigint DEFAULT 0 NOT NULL,
    job_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    seq integer DEFAULT 0 NOT NULL,
    safe_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    seen_txid bigint DEFAULT 0 NOT NULL,
    seen_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT webhook_dispatcher_single_check CHECK (single)
)
WITH (fillfactor='50');

ALTER TABLE ONLY jobtrail.webhook_dispatcher FORCE ROW LEVEL SECURITY;

--
-- Name: workers; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.workers (
    id uuid NOT NULL,
    workspace_id uuid,
    name text NOT NULL,
    host text NOT NULL,
    host_id text NOT NULL,
    process_id integer NOT NULL,
    process_started double precision NOT NULL,
    lock_key bigint NOT NULL,
    lease_seconds real NOT NULL,
    slots integer NOT NULL,
    version text NOT NULL,
    queues text[] NOT NULL,
    types text[] NOT NULL,
    started_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    beat_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    draining_at timestamp with time zone,
    stopped_at timestamp with time zone,
    stop_reason text,
    described jsonb,
    left_queues text[] DEFAULT '{}'::text[] NOT NULL,
    drain_asked_at timestamp with time zone,
    drain_asked_by text,
    drain_reason text,
    drain_stops boolean DEFAULT false NOT NULL
)
WITH (fillfactor='50');

ALTER TABLE ONLY jobtrail.workers FORCE ROW LEVEL SECURITY;

--
-- Name: workspaces; Type: TABLE; Schema: jobtrail; Owner: -
--

CREATE TABLE jobtrail.workspaces (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT jobtrail.clock() NOT NULL,
    weight smallint DEFAULT 1 NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    paused_reason text,
    policy jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT workspaces_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 255))),
    CONSTRAINT workspaces_policy_check CHECK ((jsonb_typeof(policy) = 'object'::text)),
    CONSTRAINT workspaces_weight_check CHECK (((weight >= 1) AND (weight <= 1000)))
);

ALTER TABLE ONLY jobtrail.workspaces FORCE ROW LEVEL SECURITY;

--
-- Name: events_rest; Type: TABLE ATTACH; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.events ATTACH PARTITION jobtrail.events_rest DEFAULT;

--
-- Name: log_chunks_rest; Type: TABLE ATTACH; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.log_chunks ATTACH PARTITION jobtrail.log_chunks_rest DEFAULT;

--
-- Name: metrics_rest; Type: TABLE ATTACH; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.metrics ATTACH PARTITION jobtrail.metrics_rest DEFAULT;

--
-- Name: administration_events administration_events_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.administration_events
    ADD CONSTRAINT administration_events_pkey PRIMARY KEY (workspace_id, number);

--
-- Name: api_keys api_keys_id_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.api_keys
    ADD CONSTRAINT api_keys_id_key UNIQUE (id);

--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: assets assets_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: attempts attempts_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (workspace_id, job_id, number);

--
-- Name: breakers breakers_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (workspace_id, type);

--
-- Name: budget_holds budget_holds_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budget_holds
    ADD CONSTRAINT budget_holds_pkey PRIMARY KEY (workspace_id, budget_id, attempt_id);

--
-- Name: budget_waits budget_waits_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budget_waits
    ADD CONSTRAINT budget_waits_pkey PRIMARY KEY (workspace_id, job_id);

--
-- Name: budgets budgets_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: budgets budgets_workspace_id_scope_subject_period_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budgets
    ADD CONSTRAINT budgets_workspace_id_scope_subject_period_key UNIQUE (workspace_id, scope, subject, period);

--
-- Name: callbacks callbacks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.callbacks
    ADD CONSTRAINT callbacks_pkey PRIMARY KEY (workspace_id, job_id, name);

--
-- Name: claim_places claim_places_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.claim_places
    ADD CONSTRAINT claim_places_pkey PRIMARY KEY (workspace_id, queue, of);

--
-- Name: dependencies dependencies_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.dependencies
    ADD CONSTRAINT dependencies_pkey PRIMARY KEY (workspace_id, job_id, needs_id);

--
-- Name: error_marks error_marks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.error_marks
    ADD CONSTRAINT error_marks_pkey PRIMARY KEY (workspace_id, fingerprint);

--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (workspace_id, job_id, seq, at);

--
-- Name: events_rest events_rest_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.events_rest
    ADD CONSTRAINT events_rest_pkey PRIMARY KEY (workspace_id, job_id, seq, at);

--
-- Name: gate_decisions gate_decisions_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gate_decisions
    ADD CONSTRAINT gate_decisions_pkey PRIMARY KEY (workspace_id, gate_id, number);

--
-- Name: gate_links gate_links_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gate_links
    ADD CONSTRAINT gate_links_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: gates gates_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gates
    ADD CONSTRAINT gates_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: gates gates_workspace_id_step_id_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gates
    ADD CONSTRAINT gates_workspace_id_step_id_key UNIQUE (workspace_id, step_id);

--
-- Name: group_members group_members_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.group_members
    ADD CONSTRAINT group_members_pkey PRIMARY KEY (workspace_id, group_name, member);

--
-- Name: groups groups_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (workspace_id, name);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, key);

--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: limits limits_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: limits limits_workspace_id_scope_name_source_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.limits
    ADD CONSTRAINT limits_workspace_id_scope_name_source_key UNIQUE (workspace_id, scope, name, source);

--
-- Name: log_chunks log_chunks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.log_chunks
    ADD CONSTRAINT log_chunks_pkey PRIMARY KEY (workspace_id, job_id, first_line, at);

--
-- Name: log_chunks_rest log_chunks_rest_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.log_chunks_rest
    ADD CONSTRAINT log_chunks_rest_pkey PRIMARY KEY (workspace_id, job_id, first_line, at);

--
-- Name: login_failures login_failures_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.login_failures
    ADD CONSTRAINT login_failures_pkey PRIMARY KEY (email, address);

--
-- Name: login_sessions login_sessions_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.login_sessions
    ADD CONSTRAINT login_sessions_pkey PRIMARY KEY (id);

--
-- Name: login_sessions login_sessions_token_hash_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.login_sessions
    ADD CONSTRAINT login_sessions_token_hash_key UNIQUE (token_hash);

--
-- Name: memberships memberships_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (workspace_id, user_id);

--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);

--
-- Name: nexrender_jobs nexrender_jobs_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.nexrender_jobs
    ADD CONSTRAINT nexrender_jobs_pkey PRIMARY KEY (workspace_id, job_id);

--
-- Name: passwords passwords_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.passwords
    ADD CONSTRAINT passwords_pkey PRIMARY KEY (user_id);

--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: projects projects_workspace_id_name_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.projects
    ADD CONSTRAINT projects_workspace_id_name_key UNIQUE (workspace_id, name);

--
-- Name: queue_stats queue_stats_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.queue_stats
    ADD CONSTRAINT queue_stats_pkey PRIMARY KEY (workspace_id, queue, at);

--
-- Name: queues queues_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (workspace_id, name);

--
-- Name: rate_buckets rate_buckets_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.rate_buckets
    ADD CONSTRAINT rate_buckets_pkey PRIMARY KEY (workspace_id, limit_id);

--
-- Name: results results_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.results
    ADD CONSTRAINT results_pkey PRIMARY KEY (workspace_id, job_id, generation);

--
-- Name: schedule_ticks schedule_ticks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.schedule_ticks
    ADD CONSTRAINT schedule_ticks_pkey PRIMARY KEY (workspace_id, schedule_id, at);

--
-- Name: schedules schedules_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: schedules schedules_workspace_id_name_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.schedules
    ADD CONSTRAINT schedules_workspace_id_name_key UNIQUE (workspace_id, name);

--
-- Name: sealer sealer_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.sealer
    ADD CONSTRAINT sealer_pkey PRIMARY KEY (single);

--
-- Name: seals seals_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (workspace_id, number);

--
-- Name: signals signals_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.signals
    ADD CONSTRAINT signals_pkey PRIMARY KEY (workspace_id, job_id, name);

--
-- Name: steps steps_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (workspace_id, job_id, id);

--
-- Name: steps steps_workspace_id_job_id_key_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.steps
    ADD CONSTRAINT steps_workspace_id_job_id_key_key UNIQUE (workspace_id, job_id, key);

--
-- Name: supersedings supersedings_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.supersedings
    ADD CONSTRAINT supersedings_pkey PRIMARY KEY (workspace_id, job_id);

--
-- Name: tasks tasks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: timers timers_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (workspace_id, job_id, type);

--
-- Name: tombstones tombstones_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.tombstones
    ADD CONSTRAINT tombstones_pkey PRIMARY KEY (workspace_id, job_id);

--
-- Name: type_outcomes type_outcomes_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.type_outcomes
    ADD CONSTRAINT type_outcomes_pkey PRIMARY KEY (workspace_id, type, at);

--
-- Name: upkeep_leases upkeep_leases_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.upkeep_leases
    ADD CONSTRAINT upkeep_leases_pkey PRIMARY KEY (duty);

--
-- Name: usage usage_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (workspace_id, job_id, attempt_id, number);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: validations validations_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.validations
    ADD CONSTRAINT validations_pkey PRIMARY KEY (workspace_id, job_id);

--
-- Name: waits waits_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (workspace_id, job_id, step_id);

--
-- Name: webhook_deliveries webhook_deliveries_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: webhook_deliveries webhook_deliveries_workspace_id_delivery_job_id_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_delivery_job_id_key UNIQUE (workspace_id, delivery_job_id);

--
-- Name: webhook_deliveries webhook_deliveries_workspace_id_webhook_id_job_id_seq_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_webhook_id_job_id_seq_key UNIQUE (workspace_id, webhook_id, job_id, seq);

--
-- Name: webhook_dispatcher webhook_dispatcher_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhook_dispatcher
    ADD CONSTRAINT webhook_dispatcher_pkey PRIMARY KEY (single);

--
-- Name: webhooks webhooks_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (workspace_id, id);

--
-- Name: workers workers_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

--
-- Name: workspaces workspaces_name_key; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.workspaces
    ADD CONSTRAINT workspaces_name_key UNIQUE (name);

--
-- Name: workspaces workspaces_pkey; Type: CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

--
-- Name: administration_of_schedules; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX administration_of_schedules ON jobtrail.administration_events USING btree (workspace_id, subject_id) WHERE (subject_type = 'schedule'::text);

--
-- Name: api_keys_by_user; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX api_keys_by_user ON jobtrail.api_keys USING btree (user_id) WHERE (user_id IS NOT NULL);

--
-- Name: assets_by_digest; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX assets_by_digest ON jobtrail.assets USING btree (sha256);

--
-- Name: assets_by_job; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX assets_by_job ON jobtrail.assets USING btree (workspace_id, job_id, id) WHERE (job_id IS NOT NULL);

--
-- Name: assets_by_name; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX assets_by_name ON jobtrail.assets USING btree (workspace_id, name, id);

--
-- Name: assets_by_task; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX assets_by_task ON jobtrail.assets USING btree (workspace_id, source_task_id, id) WHERE (source_task_id IS NOT NULL);

--
-- Name: attempts_one_open; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX attempts_one_open ON jobtrail.attempts USING btree (workspace_id, job_id) WHERE (ended_at IS NULL);

--
-- Name: budget_holds_by_job; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX budget_holds_by_job ON jobtrail.budget_holds USING btree (workspace_id, job_id);

--
-- Name: budget_waits_by_budget; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX budget_waits_by_budget ON jobtrail.budget_waits USING btree (workspace_id, budget_id, job_id);

--
-- Name: budgets_by_job; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX budgets_by_job ON jobtrail.budgets USING btree (workspace_id, job_id) WHERE (job_id IS NOT NULL);

--
-- Name: budgets_stopping; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX budgets_stopping ON jobtrail.budgets USING btree (workspace_id, id) WHERE ((on_exceeded = 'STOP'::jobtrail.budget_policy) AND (exceeded_at IS NOT NULL));

--
-- Name: budgets_wide; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX budgets_wide ON jobtrail.budgets USING btree (workspace_id) WHERE wide;

--
-- Name: dependencies_bad; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX dependencies_bad ON jobtrail.dependencies USING btree (workspace_id, job_id) WHERE (met_as = ANY (ARRAY['FAILED'::jobtrail.job_status, 'CANCELLED'::jobtrail.job_status]));

--
-- Name: dependencies_by_need; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX dependencies_by_need ON jobtrail.dependencies USING btree (workspace_id, needs_id, job_id);

--
-- Name: dependencies_open; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX dependencies_open ON jobtrail.dependencies USING btree (workspace_id, job_id) WHERE (met_at IS NULL);

--
-- Name: events_by_txid; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX events_by_txid ON ONLY jobtrail.events USING btree (txid);

--
-- Name: events_rest_txid_idx; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX events_rest_txid_idx ON jobtrail.events_rest USING btree (txid);

--
-- Name: gate_decisions_one_per_voice; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX gate_decisions_one_per_voice ON jobtrail.gate_decisions USING btree (workspace_id, gate_id, voice) WHERE (superseded_at IS NULL);

--
-- Name: gate_links_by_gate; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX gate_links_by_gate ON jobtrail.gate_links USING btree (workspace_id, gate_id);

--
-- Name: gates_by_job; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX gates_by_job ON jobtrail.gates USING btree (workspace_id, job_id);

--
-- Name: gates_waiting; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX gates_waiting ON jobtrail.gates USING btree (workspace_id, asked_at) WHERE (status = 'WAITING'::jobtrail.gate_status);

--
-- Name: group_members_by_member; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX group_members_by_member ON jobtrail.group_members USING btree (workspace_id, member);

--
-- Name: jobs_aborted; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_aborted ON jobtrail.jobs USING btree (workspace_id, id) WHERE (aborted_at IS NOT NULL);

--
-- Name: jobs_aborted_by_type; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_aborted_by_type ON jobtrail.jobs USING btree (workspace_id, type, id) WHERE (aborted_at IS NOT NULL);

--
-- Name: jobs_by_fork; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_fork ON jobtrail.jobs USING btree (workspace_id, fork_of, id) WHERE (fork_of IS NOT NULL);

--
-- Name: jobs_by_parent; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_parent ON jobtrail.jobs USING btree (workspace_id, parent_id, id) WHERE (parent_id IS NOT NULL);

--
-- Name: jobs_by_project; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_project ON jobtrail.jobs USING btree (workspace_id, project_id, id) WHERE (project_id IS NOT NULL);

--
-- Name: jobs_by_rerun; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_rerun ON jobtrail.jobs USING btree (workspace_id, rerun_of, id) WHERE (rerun_of IS NOT NULL);

--
-- Name: jobs_by_root; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_root ON jobtrail.jobs USING btree (workspace_id, root_id, id) WHERE (root_id IS NOT NULL);

--
-- Name: jobs_by_schedule; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_schedule ON jobtrail.jobs USING btree (workspace_id, schedule_id, id) WHERE (schedule_id IS NOT NULL);

--
-- Name: jobs_by_task; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_task ON jobtrail.jobs USING btree (workspace_id, task_id, id) WHERE (task_id IS NOT NULL);

--
-- Name: jobs_by_type; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_by_type ON jobtrail.jobs USING btree (workspace_id, type, id);

--
-- Name: jobs_one_per_unique_key; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX jobs_one_per_unique_key ON jobtrail.jobs USING btree (workspace_id, unique_hold) WHERE (unique_hold IS NOT NULL);

--
-- Name: jobs_waiting; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX jobs_waiting ON jobtrail.jobs USING btree (workspace_id, id) WHERE (wait_reason IS NOT NULL);

--
-- Name: login_sessions_by_user; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX login_sessions_by_user ON jobtrail.login_sessions USING btree (user_id);

--
-- Name: memberships_by_user; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX memberships_by_user ON jobtrail.memberships USING btree (user_id);

--
-- Name: metrics_by_job; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX metrics_by_job ON ONLY jobtrail.metrics USING btree (job_id, at);

--
-- Name: metrics_by_name; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX metrics_by_name ON ONLY jobtrail.metrics USING btree (workspace_id, metric_type, metric_name, at);

--
-- Name: metrics_rest_job_id_at_idx; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX metrics_rest_job_id_at_idx ON jobtrail.metrics_rest USING btree (job_id, at);

--
-- Name: metrics_rest_workspace_id_metric_type_metric_name_at_idx; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX metrics_rest_workspace_id_metric_type_metric_name_at_idx ON jobtrail.metrics_rest USING btree (workspace_id, metric_type, metric_name, at);

--
-- Name: nexrender_jobs_by_uid; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX nexrender_jobs_by_uid ON jobtrail.nexrender_jobs USING btree (workspace_id, uid, job_id);

--
-- Name: nexrender_jobs_one_per_uid; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX nexrender_jobs_one_per_uid ON jobtrail.nexrender_jobs USING btree (workspace_id, uid) WHERE (removed_at IS NULL);

--
-- Name: rate_starts_in_order; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX rate_starts_in_order ON jobtrail.rate_starts USING btree (workspace_id, limit_id, at);

--
-- Name: ready_apart; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX ready_apart ON jobtrail.ready USING btree (queue, workspace_id, rank, job_id) WHERE (strand <> ''::text);

--
-- Name: ready_in_order; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX ready_in_order ON jobtrail.ready USING btree (queue, workspace_id, strand, rank, job_id);

--
-- Name: schedule_ticks_by_age; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX schedule_ticks_by_age ON jobtrail.schedule_ticks USING btree (made_at);

--
-- Name: schedules_due; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX schedules_due ON jobtrail.schedules USING btree (due_at) WHERE (due_at IS NOT NULL);

--
-- Name: seals_in_order; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX seals_in_order ON jobtrail.seals USING btree (up_to_txid, workspace_id);

--
-- Name: supersedings_by_heir; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX supersedings_by_heir ON jobtrail.supersedings USING btree (workspace_id, heir_id);

--
-- Name: tasks_by_project; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX tasks_by_project ON jobtrail.tasks USING btree (workspace_id, project_id) WHERE (project_id IS NOT NULL);

--
-- Name: timers_due; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX timers_due ON jobtrail.timers USING btree (due_at);

--
-- Name: usage_by_project; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX usage_by_project ON jobtrail.usage USING btree (workspace_id, project_id) INCLUDE (input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd) WHERE (project_id IS NOT NULL);

--
-- Name: usage_by_task; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX usage_by_task ON jobtrail.usage USING btree (workspace_id, task_id) INCLUDE (input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd) WHERE (task_id IS NOT NULL);

--
-- Name: usage_by_time; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX usage_by_time ON jobtrail.usage USING btree (workspace_id, at);

--
-- Name: users_one_per_email; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE UNIQUE INDEX users_one_per_email ON jobtrail.users USING btree (lower(email));
ALTER INDEX jobtrail.users_one_per_email ALTER COLUMN 1 SET STATISTICS 0;

--
-- Name: validations_held; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX validations_held ON jobtrail.validations USING btree (worker_id) WHERE (worker_id IS NOT NULL);

--
-- Name: validations_in_order; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX validations_in_order ON jobtrail.validations USING btree (priority DESC, job_id) WHERE (worker_id IS NULL);

--
-- Name: webhook_deliveries_by_age; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX webhook_deliveries_by_age ON jobtrail.webhook_deliveries USING btree (created_at);

--
-- Name: webhook_deliveries_newest; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX webhook_deliveries_newest ON jobtrail.webhook_deliveries USING btree (workspace_id, webhook_id, id);

--
-- Name: workers_alive; Type: INDEX; Schema: jobtrail; Owner: -
--

CREATE INDEX workers_alive ON jobtrail.workers USING btree (host_id) WHERE (stopped_at IS NULL);

--
-- Name: events_20261121_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261121_pkey;

--
-- Name: events_20261121_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261121_txid_idx;

--
-- Name: events_20261122_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261122_pkey;

--
-- Name: events_20261122_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261122_txid_idx;

--
-- Name: events_20261123_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261123_pkey;

--
-- Name: events_20261123_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261123_txid_idx;

--
-- Name: events_20261124_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261124_pkey;

--
-- Name: events_20261124_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261124_txid_idx;

--
-- Name: events_20261125_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261125_pkey;

--
-- Name: events_20261125_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261125_txid_idx;

--
-- Name: events_20261126_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261126_pkey;

--
-- Name: events_20261126_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261126_txid_idx;

--
-- Name: events_20261127_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261127_pkey;

--
-- Name: events_20261127_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261127_txid_idx;

--
-- Name: events_20261128_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261128_pkey;

--
-- Name: events_20261128_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261128_txid_idx;

--
-- Name: events_20261129_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_20261129_pkey;

--
-- Name: events_20261129_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_20261129_txid_idx;

--
-- Name: events_rest_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_pkey ATTACH PARTITION jobtrail.events_rest_pkey;

--
-- Name: events_rest_txid_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.events_by_txid ATTACH PARTITION jobtrail.events_rest_txid_idx;

--
-- Name: log_chunks_20261121_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261121_pkey;

--
-- Name: log_chunks_20261122_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261122_pkey;

--
-- Name: log_chunks_20261123_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261123_pkey;

--
-- Name: log_chunks_20261124_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261124_pkey;

--
-- Name: log_chunks_20261125_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261125_pkey;

--
-- Name: log_chunks_20261126_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261126_pkey;

--
-- Name: log_chunks_20261127_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261127_pkey;

--
-- Name: log_chunks_20261128_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261128_pkey;

--
-- Name: log_chunks_20261129_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_20261129_pkey;

--
-- Name: log_chunks_rest_pkey; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.log_chunks_pkey ATTACH PARTITION jobtrail.log_chunks_rest_pkey;

--
-- Name: metrics_20261121_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261121_job_id_at_idx;

--
-- Name: metrics_20261121_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261121_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261122_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261122_job_id_at_idx;

--
-- Name: metrics_20261122_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261122_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261123_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261123_job_id_at_idx;

--
-- Name: metrics_20261123_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261123_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261124_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261124_job_id_at_idx;

--
-- Name: metrics_20261124_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261124_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261125_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261125_job_id_at_idx;

--
-- Name: metrics_20261125_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261125_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261126_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261126_job_id_at_idx;

--
-- Name: metrics_20261126_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261126_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261127_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261127_job_id_at_idx;

--
-- Name: metrics_20261127_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261127_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261128_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261128_job_id_at_idx;

--
-- Name: metrics_20261128_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261128_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_20261129_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_20261129_job_id_at_idx;

--
-- Name: metrics_20261129_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_20261129_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: metrics_rest_job_id_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_job ATTACH PARTITION jobtrail.metrics_rest_job_id_at_idx;

--
-- Name: metrics_rest_workspace_id_metric_type_metric_name_at_idx; Type: INDEX ATTACH; Schema: jobtrail; Owner: -
--

ALTER INDEX jobtrail.metrics_by_name ATTACH PARTITION jobtrail.metrics_rest_workspace_id_metric_type_metric_name_at_idx;

--
-- Name: administration_events append_only; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON jobtrail.administration_events FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('anything but appending', 'The record of administration is append-only.');

--
-- Name: events append_only; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON jobtrail.events FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('anything but reading', 'The trail is append-only; retention drops whole days.');

--
-- Name: events_rest append_only; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON jobtrail.events_rest FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('anything but reading', 'The trail is append-only.');

--
-- Name: seals append_only; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON jobtrail.seals FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('anything but appending', 'Seals are append-only.');

--
-- Name: attempts guard_move; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_move BEFORE UPDATE OF status ON jobtrail.attempts FOR EACH ROW WHEN (((old.status <> new.status) AND (NOT jobtrail.attempt_may_move(old.status, new.status)))) EXECUTE FUNCTION jobtrail.refuse_move();

--
-- Name: steps guard_move; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_move BEFORE UPDATE OF status ON jobtrail.steps FOR EACH ROW WHEN ((NOT jobtrail.step_may_move(old.status, new.status))) EXECUTE FUNCTION jobtrail.refuse_move();

--
-- Name: attempts guard_new; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_new BEFORE INSERT ON jobtrail.attempts FOR EACH ROW WHEN ((NOT jobtrail.attempt_may_move(NULL::jobtrail.attempt_status, new.status))) EXECUTE FUNCTION jobtrail.refuse_move();

--
-- Name: steps guard_new; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_new BEFORE INSERT ON jobtrail.steps FOR EACH ROW WHEN ((NOT jobtrail.step_may_move(NULL::jobtrail.step_status, new.status))) EXECUTE FUNCTION jobtrail.refuse_new_step();

--
-- Name: api_keys guard_revoked; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_revoked BEFORE UPDATE OF revoked_at ON jobtrail.api_keys FOR EACH ROW WHEN (((old.revoked_at IS NOT NULL) AND (new.revoked_at IS DISTINCT FROM old.revoked_at))) EXECUTE FUNCTION jobtrail.refuse_change('to take back a revocation', 'Create another key.');

--
-- Name: api_keys guard_settled; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_settled BEFORE UPDATE OF workspace_id, id, user_id, secret_hash, scopes, created_by, created_at ON jobtrail.api_keys FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('a change of what a key was made with', 'Revoke it and create another.');

--
-- Name: jobs guard_settled; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_settled BEFORE UPDATE OF workspace_id, id, type, input, created_at, created_by, unique_key, concurrency_key, traceparent, checked, project_id, task_id, parent_id, rerun_of, root_id, schedule_id, fork_of, slots, concurrency_limit, unique_scope, unique_until, on_parent, depends_mode, on_dependency, budgeted, reserve_usd, reserve_tokens, backoff_type, backoff_delay_ms, backoff_max_ms, timeout_seconds, idle_timeout_seconds, queue_timeout_seconds, version, updated_at, queued_at, started_at, completed_at, aborted_at, actual_seconds, unique_hold, last_txid, trail_hash ON jobtrail.jobs FOR EACH ROW EXECUTE FUNCTION jobtrail.refuse_change('a change of what the job was accepted with, or of what follows from its moves', 'Rerun it with other input.');

--
-- Name: memberships guard_settled; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER guard_settled BEFORE UPDATE OF workspace_id, user_id, created_at ON jobtrail.memberships FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('to give a membership away', 'Remove it and add another.');

--
-- Name: api_keys keep; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON jobtrail.api_keys FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('to remove a key', 'Revoke it.');

--
-- Name: jobs keep; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER keep BEFORE TRUNCATE ON jobtrail.jobs FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.refuse_change('truncate', 'Use `jobtrail db prune`.');

--
-- Name: jobs link_change; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER link_change BEFORE UPDATE ON jobtrail.jobs FOR EACH ROW EXECUTE FUNCTION jobtrail.link_job_change();

--
-- Name: administration_events link_new; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER link_new BEFORE INSERT ON jobtrail.administration_events FOR EACH ROW EXECUTE FUNCTION jobtrail.link_administration();

--
-- Name: jobs link_new; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER link_new BEFORE INSERT ON jobtrail.jobs FOR EACH ROW EXECUTE FUNCTION jobtrail.link_new_job();

--
-- Name: jobs write_change; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER write_change AFTER UPDATE ON jobtrail.jobs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.write_trail();

--
-- Name: jobs write_new; Type: TRIGGER; Schema: jobtrail; Owner: -
--

CREATE TRIGGER write_new AFTER INSERT ON jobtrail.jobs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION jobtrail.write_trail();

--
-- Name: api_keys api_keys_user_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES jobtrail.users(id);

--
-- Name: api_keys api_keys_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.api_keys
    ADD CONSTRAINT api_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: assets assets_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.assets
    ADD CONSTRAINT assets_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: breakers breakers_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.breakers
    ADD CONSTRAINT breakers_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: budget_holds budget_holds_workspace_id_budget_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budget_holds
    ADD CONSTRAINT budget_holds_workspace_id_budget_id_fkey FOREIGN KEY (workspace_id, budget_id) REFERENCES jobtrail.budgets(workspace_id, id) ON DELETE CASCADE;

--
-- Name: budget_holds budget_holds_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budget_holds
    ADD CONSTRAINT budget_holds_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: budget_waits budget_waits_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budget_waits
    ADD CONSTRAINT budget_waits_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: budgets budgets_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budgets
    ADD CONSTRAINT budgets_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: budgets budgets_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.budgets
    ADD CONSTRAINT budgets_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: callbacks callbacks_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.callbacks
    ADD CONSTRAINT callbacks_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: dependencies dependencies_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.dependencies
    ADD CONSTRAINT dependencies_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: error_marks error_marks_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.error_marks
    ADD CONSTRAINT error_marks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: gate_decisions gate_decisions_workspace_id_gate_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gate_decisions
    ADD CONSTRAINT gate_decisions_workspace_id_gate_id_fkey FOREIGN KEY (workspace_id, gate_id) REFERENCES jobtrail.gates(workspace_id, id) ON DELETE CASCADE;

--
-- Name: gate_links gate_links_workspace_id_gate_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gate_links
    ADD CONSTRAINT gate_links_workspace_id_gate_id_fkey FOREIGN KEY (workspace_id, gate_id) REFERENCES jobtrail.gates(workspace_id, id) ON DELETE CASCADE;

--
-- Name: gates gates_workspace_id_job_id_step_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.gates
    ADD CONSTRAINT gates_workspace_id_job_id_step_id_fkey FOREIGN KEY (workspace_id, job_id, step_id) REFERENCES jobtrail.steps(workspace_id, job_id, id) ON DELETE CASCADE;

--
-- Name: group_members group_members_workspace_id_group_name_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.group_members
    ADD CONSTRAINT group_members_workspace_id_group_name_fkey FOREIGN KEY (workspace_id, group_name) REFERENCES jobtrail.groups(workspace_id, name) ON DELETE CASCADE;

--
-- Name: groups groups_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.groups
    ADD CONSTRAINT groups_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: login_sessions login_sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.login_sessions
    ADD CONSTRAINT login_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES jobtrail.users(id);

--
-- Name: memberships memberships_user_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES jobtrail.users(id);

--
-- Name: memberships memberships_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.memberships
    ADD CONSTRAINT memberships_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: nexrender_jobs nexrender_jobs_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.nexrender_jobs
    ADD CONSTRAINT nexrender_jobs_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

--
-- Name: passwords passwords_user_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.passwords
    ADD CONSTRAINT passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES jobtrail.users(id);

--
-- Name: projects projects_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.projects
    ADD CONSTRAINT projects_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: queues queues_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.queues
    ADD CONSTRAINT queues_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: rate_buckets rate_buckets_workspace_id_limit_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.rate_buckets
    ADD CONSTRAINT rate_buckets_workspace_id_limit_id_fkey FOREIGN KEY (workspace_id, limit_id) REFERENCES jobtrail.limits(workspace_id, id) ON DELETE CASCADE;

--
-- Name: rate_starts rate_starts_workspace_id_limit_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.rate_starts
    ADD CONSTRAINT rate_starts_workspace_id_limit_id_fkey FOREIGN KEY (workspace_id, limit_id) REFERENCES jobtrail.limits(workspace_id, id) ON DELETE CASCADE;

--
-- Name: schedule_ticks schedule_ticks_workspace_id_schedule_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.schedule_ticks
    ADD CONSTRAINT schedule_ticks_workspace_id_schedule_id_fkey FOREIGN KEY (workspace_id, schedule_id) REFERENCES jobtrail.schedules(workspace_id, id) ON DELETE CASCADE;

--
-- Name: schedules schedules_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.schedules
    ADD CONSTRAINT schedules_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: signals signals_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.signals
    ADD CONSTRAINT signals_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: steps steps_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.steps
    ADD CONSTRAINT steps_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: supersedings supersedings_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.supersedings
    ADD CONSTRAINT supersedings_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: tasks tasks_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.tasks
    ADD CONSTRAINT tasks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: tasks tasks_workspace_id_project_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.tasks
    ADD CONSTRAINT tasks_workspace_id_project_id_fkey FOREIGN KEY (workspace_id, project_id) REFERENCES jobtrail.projects(workspace_id, id);

--
-- Name: type_outcomes type_outcomes_workspace_id_type_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.type_outcomes
    ADD CONSTRAINT type_outcomes_workspace_id_type_fkey FOREIGN KEY (workspace_id, type) REFERENCES jobtrail.breakers(workspace_id, type) ON DELETE CASCADE;

--
-- Name: usage usage_workspace_id_job_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.usage
    ADD CONSTRAINT usage_workspace_id_job_id_fkey FOREIGN KEY (workspace_id, job_id) REFERENCES jobtrail.jobs(workspace_id, id) ON DELETE CASCADE;

--
-- Name: waits waits_workspace_id_job_id_step_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.waits
    ADD CONSTRAINT waits_workspace_id_job_id_step_id_fkey FOREIGN KEY (workspace_id, job_id, step_id) REFERENCES jobtrail.steps(workspace_id, job_id, id) ON DELETE CASCADE;

--
-- Name: webhook_deliveries webhook_deliveries_workspace_id_webhook_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_webhook_id_fkey FOREIGN KEY (workspace_id, webhook_id) REFERENCES jobtrail.webhooks(workspace_id, id) ON DELETE CASCADE;

--
-- Name: webhooks webhooks_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.webhooks
    ADD CONSTRAINT webhooks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: workers workers_workspace_id_fkey; Type: FK CONSTRAINT; Schema: jobtrail; Owner: -
--

ALTER TABLE ONLY jobtrail.workers
    ADD CONSTRAINT workers_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES jobtrail.workspaces(id);

--
-- Name: administration_events; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.administration_events ENABLE ROW LEVEL SECURITY;

--
-- Name: api_keys; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.api_keys ENABLE ROW LEVEL SECURITY;

--
-- Name: assets; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.assets ENABLE ROW LEVEL SECURITY;

--
-- Name: attempts; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.attempts ENABLE ROW LEVEL SECURITY;

--
-- Name: breakers; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.breakers ENABLE ROW LEVEL SECURITY;

--
-- Name: budget_holds; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.budget_holds ENABLE ROW LEVEL SECURITY;

--
-- Name: budget_waits; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.budget_waits ENABLE ROW LEVEL SECURITY;

--
-- Name: budgets; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.budgets ENABLE ROW LEVEL SECURITY;

--
-- Name: memberships by_the_installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY by_the_installation ON jobtrail.memberships AS RESTRICTIVE FOR INSERT WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: callbacks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.callbacks ENABLE ROW LEVEL SECURITY;

--
-- Name: claim_places; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.claim_places ENABLE ROW LEVEL SECURITY;

--
-- Name: dependencies; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.dependencies ENABLE ROW LEVEL SECURITY;

--
-- Name: error_marks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.error_marks ENABLE ROW LEVEL SECURITY;

--
-- Name: events; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.events ENABLE ROW LEVEL SECURITY;

--
-- Name: events_rest; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.events_rest ENABLE ROW LEVEL SECURITY;

--
-- Name: gate_decisions; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.gate_decisions ENABLE ROW LEVEL SECURITY;

--
-- Name: gate_links; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.gate_links ENABLE ROW LEVEL SECURITY;

--
-- Name: gates; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.gates ENABLE ROW LEVEL SECURITY;

--
-- Name: group_members; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.group_members ENABLE ROW LEVEL SECURITY;

--
-- Name: groups; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.groups ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.idempotency_keys ENABLE ROW LEVEL SECURITY;

--
-- Name: login_failures installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.login_failures USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: login_sessions installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.login_sessions USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: passwords installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.passwords USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: sealer installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.sealer USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: upkeep_leases installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.upkeep_leases USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: users installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.users USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: webhook_dispatcher installation; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY installation ON jobtrail.webhook_dispatcher USING (( SELECT jobtrail.serves_all() AS serves_all)) WITH CHECK (( SELECT jobtrail.serves_all() AS serves_all));

--
-- Name: jobs; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: limits; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.limits ENABLE ROW LEVEL SECURITY;

--
-- Name: log_chunks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.log_chunks ENABLE ROW LEVEL SECURITY;

--
-- Name: log_chunks_rest; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.log_chunks_rest ENABLE ROW LEVEL SECURITY;

--
-- Name: login_failures; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.login_failures ENABLE ROW LEVEL SECURITY;

--
-- Name: login_sessions; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.login_sessions ENABLE ROW LEVEL SECURITY;

--
-- Name: memberships; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.memberships ENABLE ROW LEVEL SECURITY;

--
-- Name: metrics; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.metrics ENABLE ROW LEVEL SECURITY;

--
-- Name: metrics_rest; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.metrics_rest ENABLE ROW LEVEL SECURITY;

--
-- Name: nexrender_jobs; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.nexrender_jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: assets no_jobs_files; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY no_jobs_files ON jobtrail.assets AS RESTRICTIVE FOR DELETE USING ((job_id IS NULL));

--
-- Name: api_keys of_members; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY of_members ON jobtrail.api_keys AS RESTRICTIVE FOR INSERT WITH CHECK ((( SELECT jobtrail.serves_all() AS serves_all) OR (user_id IS NULL) OR (EXISTS ( SELECT
   FROM jobtrail.memberships m
  WHERE ((m.workspace_id = api_keys.workspace_id) AND (m.user_id = api_keys.user_id))))));

--
-- Name: users own_members; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_members ON jobtrail.users FOR SELECT USING ((id IN ( SELECT memberships.user_id
   FROM jobtrail.memberships
  WHERE (memberships.workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)))));

--
-- Name: administration_events own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.administration_events USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: api_keys own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.api_keys USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: assets own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.assets USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: attempts own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.attempts USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: breakers own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.breakers USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: budget_holds own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.budget_holds USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: budget_waits own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.budget_waits USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: budgets own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.budgets USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: callbacks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.callbacks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: claim_places own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.claim_places USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: dependencies own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.dependencies USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: error_marks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.error_marks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: events own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.events USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: events_rest own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.events_rest USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: gate_decisions own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.gate_decisions USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: gate_links own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.gate_links USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: gates own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.gates USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: group_members own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.group_members USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: groups own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.groups USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: idempotency_keys own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.idempotency_keys USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: jobs own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.jobs USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: limits own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.limits USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: log_chunks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.log_chunks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: log_chunks_rest own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.log_chunks_rest USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: memberships own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.memberships USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: metrics own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.metrics USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: metrics_rest own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.metrics_rest USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: nexrender_jobs own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.nexrender_jobs USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: projects own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.projects USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: queue_stats own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.queue_stats USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: queues own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.queues USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: rate_buckets own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.rate_buckets USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: rate_starts own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.rate_starts USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: ready own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.ready USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: results own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.results USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: schedule_ticks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.schedule_ticks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: schedules own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.schedules USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: seals own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.seals USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: settlements own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.settlements USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: signals own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.signals USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: steps own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.steps USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: supersedings own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.supersedings USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: tasks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.tasks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: timers own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.timers USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: tombstones own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.tombstones USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: type_outcomes own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.type_outcomes USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: usage own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.usage USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: validations own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.validations USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: waits own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.waits USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: webhook_deliveries own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.webhook_deliveries USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: webhooks own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.webhooks USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: workers own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.workers USING (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all))) WITH CHECK (((workspace_id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: workspaces own_workspace; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY own_workspace ON jobtrail.workspaces USING (((id = ( SELECT jobtrail.current_workspace() AS current_workspace)) OR ( SELECT jobtrail.serves_all() AS serves_all)));

--
-- Name: passwords; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.passwords ENABLE ROW LEVEL SECURITY;

--
-- Name: projects; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.projects ENABLE ROW LEVEL SECURITY;

--
-- Name: queue_stats; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.queue_stats ENABLE ROW LEVEL SECURITY;

--
-- Name: queues; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.queues ENABLE ROW LEVEL SECURITY;

--
-- Name: rate_buckets; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.rate_buckets ENABLE ROW LEVEL SECURITY;

--
-- Name: rate_starts; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.rate_starts ENABLE ROW LEVEL SECURITY;

--
-- Name: ready; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.ready ENABLE ROW LEVEL SECURITY;

--
-- Name: results; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.results ENABLE ROW LEVEL SECURITY;

--
-- Name: schedule_ticks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.schedule_ticks ENABLE ROW LEVEL SECURITY;

--
-- Name: schedules; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.schedules ENABLE ROW LEVEL SECURITY;

--
-- Name: sealer; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.sealer ENABLE ROW LEVEL SECURITY;

--
-- Name: seals; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.seals ENABLE ROW LEVEL SECURITY;

--
-- Name: settlements; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.settlements ENABLE ROW LEVEL SECURITY;

--
-- Name: workers shared; Type: POLICY; Schema: jobtrail; Owner: -
--

CREATE POLICY shared ON jobtrail.workers FOR SELECT USING (((workspace_id IS NULL) AND (( SELECT jobtrail.current_workspace() AS current_workspace) IS NOT NULL)));

--
-- Name: signals; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.signals ENABLE ROW LEVEL SECURITY;

--
-- Name: steps; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.steps ENABLE ROW LEVEL SECURITY;

--
-- Name: supersedings; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.supersedings ENABLE ROW LEVEL SECURITY;

--
-- Name: tasks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.tasks ENABLE ROW LEVEL SECURITY;

--
-- Name: timers; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.timers ENABLE ROW LEVEL SECURITY;

--
-- Name: tombstones; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.tombstones ENABLE ROW LEVEL SECURITY;

--
-- Name: type_outcomes; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.type_outcomes ENABLE ROW LEVEL SECURITY;

--
-- Name: upkeep_leases; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.upkeep_leases ENABLE ROW LEVEL SECURITY;

--
-- Name: usage; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.usage ENABLE ROW LEVEL SECURITY;

--
-- Name: users; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.users ENABLE ROW LEVEL SECURITY;

--
-- Name: validations; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.validations ENABLE ROW LEVEL SECURITY;

--
-- Name: waits; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.waits ENABLE ROW LEVEL SECURITY;

--
-- Name: webhook_deliveries; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.webhook_deliveries ENABLE ROW LEVEL SECURITY;

--
-- Name: webhook_dispatcher; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.webhook_dispatcher ENABLE ROW LEVEL SECURITY;

--
-- Name: webhooks; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.webhooks ENABLE ROW LEVEL SECURITY;

--
-- Name: workers; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.workers ENABLE ROW LEVEL SECURITY;

--
-- Name: workspaces; Type: ROW SECURITY; Schema: jobtrail; Owner: -
--

ALTER TABLE jobtrail.workspaces ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA jobtrail; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA jobtrail TO jobtrail_app;

--
-- Name: TABLE administration_events; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.administration_events TO jobtrail_app;

--
-- Name: TABLE jobs; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.jobs TO jobtrail_app;

--
-- Name: FUNCTION drop_partitions(parent text, before timestamp with time zone); Type: ACL; Schema: jobtrail; Owner: -
--

REVOKE ALL ON FUNCTION jobtrail.drop_partitions(parent text, before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobtrail.drop_partitions(parent text, before timestamp with time zone) TO jobtrail_app;

--
-- Name: FUNCTION make_partitions(ahead integer); Type: ACL; Schema: jobtrail; Owner: -
--

REVOKE ALL ON FUNCTION jobtrail.make_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobtrail.make_partitions(ahead integer) TO jobtrail_app;

--
-- Name: TABLE limits; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.limits TO jobtrail_app;

--
-- Name: FUNCTION rebase_txids(); Type: ACL; Schema: jobtrail; Owner: -
--

REVOKE ALL ON FUNCTION jobtrail.rebase_txids() FROM PUBLIC;

--
-- Name: FUNCTION remove_jobs(before timestamp with time zone, most integer); Type: ACL; Schema: jobtrail; Owner: -
--

REVOKE ALL ON FUNCTION jobtrail.remove_jobs(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobtrail.remove_jobs(before timestamp with time zone, most integer) TO jobtrail_app;

--
-- Name: TABLE webhooks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.webhooks TO jobtrail_app;

--
-- Name: TABLE api_keys; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.api_keys TO jobtrail_app;

--
-- Name: TABLE assets; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE jobtrail.assets TO jobtrail_app;

--
-- Name: TABLE attempts; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.attempts TO jobtrail_app;

--
-- Name: TABLE breakers; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.breakers TO jobtrail_app;

--
-- Name: TABLE budget_holds; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.budget_holds TO jobtrail_app;

--
-- Name: TABLE budget_waits; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.budget_waits TO jobtrail_app;

--
-- Name: TABLE budgets; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.budgets TO jobtrail_app;

--
-- Name: TABLE callbacks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.callbacks TO jobtrail_app;

--
-- Name: TABLE claim_places; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.claim_places TO jobtrail_app;

--
-- Name: TABLE dependencies; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.dependencies TO jobtrail_app;

--
-- Name: TABLE error_marks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.error_marks TO jobtrail_app;

--
-- Name: TABLE events; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT ON TABLE jobtrail.events TO jobtrail_app;

--
-- Name: TABLE gate_decisions; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.gate_decisions TO jobtrail_app;

--
-- Name: COLUMN gate_decisions.superseded_at; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT UPDATE(superseded_at) ON TABLE jobtrail.gate_decisions TO jobtrail_app;

--
-- Name: TABLE gate_links; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.gate_links TO jobtrail_app;

--
-- Name: COLUMN gate_links.used_at; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT UPDATE(used_at) ON TABLE jobtrail.gate_links TO jobtrail_app;

--
-- Name: COLUMN gate_links.revoked_at; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT UPDATE(revoked_at) ON TABLE jobtrail.gate_links TO jobtrail_app;

--
-- Name: TABLE gates; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.gates TO jobtrail_app;

--
-- Name: TABLE group_members; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE jobtrail.group_members TO jobtrail_app;

--
-- Name: TABLE groups; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE jobtrail.groups TO jobtrail_app;

--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.idempotency_keys TO jobtrail_app;

--
-- Name: TABLE log_chunks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.log_chunks TO jobtrail_app;

--
-- Name: TABLE login_failures; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.login_failures TO jobtrail_app;

--
-- Name: TABLE login_sessions; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.login_sessions TO jobtrail_app;

--
-- Name: TABLE memberships; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.memberships TO jobtrail_app;

--
-- Name: TABLE metrics; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.metrics TO jobtrail_app;

--
-- Name: TABLE migrations; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT ON TABLE jobtrail.migrations TO jobtrail_app;

--
-- Name: TABLE nexrender_jobs; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.nexrender_jobs TO jobtrail_app;

--
-- Name: TABLE passwords; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.passwords TO jobtrail_app;

--
-- Name: TABLE projects; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.projects TO jobtrail_app;

--
-- Name: TABLE queue_stats; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.queue_stats TO jobtrail_app;

--
-- Name: TABLE queues; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.queues TO jobtrail_app;

--
-- Name: TABLE rate_buckets; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.rate_buckets TO jobtrail_app;

--
-- Name: TABLE rate_starts; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.rate_starts TO jobtrail_app;

--
-- Name: TABLE ready; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.ready TO jobtrail_app;

--
-- Name: TABLE results; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.results TO jobtrail_app;

--
-- Name: TABLE schedule_ticks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.schedule_ticks TO jobtrail_app;

--
-- Name: TABLE schedules; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.schedules TO jobtrail_app;

--
-- Name: TABLE sealer; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.sealer TO jobtrail_app;

--
-- Name: TABLE seals; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.seals TO jobtrail_app;

--
-- Name: TABLE settlements; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.settlements TO jobtrail_app;

--
-- Name: TABLE signals; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.signals TO jobtrail_app;

--
-- Name: TABLE steps; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.steps TO jobtrail_app;

--
-- Name: TABLE supersedings; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.supersedings TO jobtrail_app;

--
-- Name: TABLE tasks; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.tasks TO jobtrail_app;

--
-- Name: TABLE timers; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.timers TO jobtrail_app;

--
-- Name: TABLE tombstones; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT ON TABLE jobtrail.tombstones TO jobtrail_app;

--
-- Name: TABLE type_outcomes; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.type_outcomes TO jobtrail_app;

--
-- Name: TABLE upkeep_leases; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.upkeep_leases TO jobtrail_app;

--
-- Name: TABLE usage; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT ON TABLE jobtrail.usage TO jobtrail_app;

--
-- Name: TABLE users; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.users TO jobtrail_app;

--
-- Name: TABLE validations; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.validations TO jobtrail_app;

--
-- Name: TABLE waits; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.waits TO jobtrail_app;

--
-- Name: TABLE webhook_deliveries; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.webhook_deliveries TO jobtrail_app;

--
-- Name: TABLE webhook_dispatcher; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,UPDATE ON TABLE jobtrail.webhook_dispatcher TO jobtrail_app;

--
-- Name: TABLE workers; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE jobtrail.workers TO jobtrail_app;

--
-- Name: TABLE workspaces; Type: ACL; Schema: jobtrail; Owner: -
--

GRANT SELECT,INSERT,UPDATE ON TABLE jobtrail.workspaces TO jobtrail_app;
