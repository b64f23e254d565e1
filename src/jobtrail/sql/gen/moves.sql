-- Rendered from jobtrail.core.status; `python -m jobtrail.core.render` writes it anew. Do not edit.
create or replace function jobtrail.job_may_move(was jobtrail.job_status, becomes jobtrail.job_status,
  event text) returns boolean language sql immutable parallel safe as $$
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
create or replace function jobtrail.attempt_may_move(was jobtrail.attempt_status,
  becomes jobtrail.attempt_status) returns boolean language sql immutable parallel safe as $$
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
create or replace function jobtrail.step_may_move(was jobtrail.step_status,
  becomes jobtrail.step_status) returns boolean language sql immutable parallel safe as $$
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
