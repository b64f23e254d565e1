"""The one table of routes: method, path, handler, scope. Routing, checks, the OpenAPI document and the docs come from it."""

from __future__ import annotations

from typing import Final

from jobtrail.core.scopes import ApiScope as Needs
from jobtrail.web.api import (
    agent_tasks,
    assets,
    attempt_children,
    attempt_ends,
    attempt_steps,
    attempts,
    breakers,
    budgets,
    bulk,
    errors,
    figures,
    health,
    job_graph,
    job_lists,
    job_logs,
    job_parts,
    jobs,
    keys,
    limits,
    logins,
    lookups,
    operating,
    overview,
    queues,
    recordings,
    schedules,
    signals,
    streams,
    system,
    tasks,
    trails,
    types,
    webhooks,
    worker,
    worker_kill,
    workspace,
)
from jobtrail.web.compat.nexrender import routes as nexrender
from jobtrail.web.gates_table import GATES, GROUPS, WAITS
from jobtrail.web.routing import Bytes, Dialect, Open, Route

_JSON: Final = Bytes("application/json")
_EXISTED: Final = "The key was used before, for this very request; this is its job."
_HELD: Final = "Another job holds its unique key, and it was to be refused then."
_CHANGED: Final = "It has changed since it was read."
_NOT_NOW: Final = "Its status does not allow it."

JOBS: Final = (
    Route("POST", "/api/v1/jobs", jobs.enqueue_job, Needs.JOBS_ENQUEUE, 201, {200: _EXISTED, 409: _HELD},
          makes="/id"),
    Route("POST", "/api/v1/jobs/batch", jobs.enqueue_jobs, Needs.JOBS_ENQUEUE, 201, {409: _HELD}, shows=jobs.NewJobs,
          max_body_bytes=64 << 20),
    Route("GET", "/api/v1/jobs", job_lists.list_jobs, Needs.JOBS_READ),
    Route("GET", "/api/v1/jobs/{job_id}", jobs.get_job, Needs.JOBS_READ),
    Route("PATCH", "/api/v1/jobs/{job_id}", jobs.change_job, Needs.JOBS_UPDATE, also={412: _CHANGED, 409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/cancel", jobs.cancel_job, Needs.JOBS_CANCEL, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/retry", jobs.retry_job, Needs.JOBS_RETRY, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/start", jobs.start_job_now, Needs.JOBS_UPDATE, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/rerun", jobs.rerun_job, Needs.JOBS_RERUN, 201,
          {409: "It is a job of the system itself."}),
)  # fmt: skip

JOB: Final = "/api/v1/jobs/{job_id}"
PARTS: Final = (
    Route("GET", f"{JOB}/steps", job_parts.list_steps, Needs.JOBS_READ),
    Route("GET", f"{JOB}/dependencies", job_graph.list_dependencies, Needs.JOBS_READ),
    Route("GET", f"{JOB}/tree", job_graph.get_tree, Needs.JOBS_READ),
    Route("GET", f"{JOB}/attempts", job_parts.list_attempts, Needs.JOBS_READ),
    Route("GET", f"{JOB}/events", job_parts.list_events, Needs.JOBS_READ),
    Route("GET", f"{JOB}/logs", job_logs.list_logs, Needs.JOBS_READ),
    Route("GET", f"{JOB}/logs/search", job_logs.search_logs, Needs.JOBS_READ),
    Route("GET", f"{JOB}/logs/raw", job_logs.get_raw_log, Needs.JOBS_READ, gives=Bytes("*/*")),
    Route("GET", f"{JOB}/usage", job_parts.list_usage, Needs.JOBS_READ),
    Route("GET", f"{JOB}/result", job_parts.get_result, Needs.JOBS_READ),
    Route("GET", f"{JOB}/verify", trails.verify_job_trail, Needs.JOBS_READ),
    Route("GET", f"{JOB}/trail", trails.export_job_trail, Needs.JOBS_READ, gives=Bytes(trails.LINES)),
    Route("GET", f"{JOB}/recording", recordings.get_recording, Needs.JOBS_READ, gives=Bytes("application/x-ndjson")),
)

_ENDED: Final = "The job has ended, or has heard enough."
SIGNALS: Final = (
    Route("POST", f"{JOB}/signal", signals.signal_job, Needs.JOBS_SIGNAL, also={409: _ENDED}),
    Route("GET", f"{JOB}/signals", signals.list_signals, Needs.JOBS_READ),
    Route("POST", "/api/v1/callbacks/{token}", signals.call_back, Open.TO_ALL, takes=Bytes(), max_body_bytes=1 << 20,
          also={409: "Its time is over, or the job has ended or heard enough."}),
)  # fmt: skip

QUEUES: Final = (
    Route("GET", "/api/v1/queues", queues.list_queues, Needs.QUEUES_READ),
    Route("POST", "/api/v1/queues/{queue}/pause", queues.pause_queue, Needs.QUEUES_PAUSE, 204),
    Route("POST", "/api/v1/queues/{queue}/resume", queues.resume_queue, Needs.QUEUES_PAUSE, 204,
          {409: "It was not paused."}),
    Route("PUT", "/api/v1/queues/{queue}/limits", limits.set_queue_limit, Needs.QUEUES_PAUSE),
    Route("DELETE", "/api/v1/queues/{queue}/limits", limits.remove_queue_limit, Needs.QUEUES_PAUSE, 204),
    Route("GET", "/api/v1/limits", limits.list_limits, Needs.QUEUES_READ),
    Route("GET", "/api/v1/limits/keys", limits.list_limited_keys, Needs.QUEUES_READ),
    Route("PUT", "/api/v1/limits", limits.set_limit, Needs.QUEUES_PAUSE),
    Route("DELETE", "/api/v1/limits/{limit_id}", limits.remove_limit, Needs.QUEUES_PAUSE, 204),
    Route("GET", "/api/v1/workers", queues.list_workers, Needs.WORKERS_READ),
    Route("POST", "/api/v1/workers/{worker_id}/kill", worker_kill.kill_worker, Needs.WORKERS_RUN,
          also={409: "This terminal did not start it, or it has ended."}),
)  # fmt: skip

_GONE: Final = "It has stopped, or does not serve the queue."
_WORKER: Final = "/api/v1/workers/{worker_id}"
OPERATING: Final = (
    Route("POST", "/api/v1/workspace/pause", operating.pause_workspace, Needs.QUEUES_PAUSE),
    Route("POST", "/api/v1/workspace/resume", operating.resume_workspace, Needs.QUEUES_PAUSE,
          also={409: "It was not paused."}),
    Route("POST", f"{_WORKER}/drain", operating.drain_worker, Needs.WORKERS_MANAGE, also={409: _GONE}),
    Route("POST", f"{_WORKER}/undrain", operating.undrain_worker, Needs.WORKERS_MANAGE, also={409: _GONE}),
    Route("POST", f"{_WORKER}/queues/{{queue}}/pause", operating.pause_queue_of_worker, Needs.WORKERS_MANAGE,
          also={409: _GONE}),
    Route("POST", f"{_WORKER}/queues/{{queue}}/resume", operating.resume_queue_of_worker, Needs.WORKERS_MANAGE,
          also={409: _GONE}),
    Route("POST", "/api/v1/errors/{fingerprint}/mute", operating.mute_error, Needs.JOBS_UPDATE, 204),
    Route("POST", "/api/v1/errors/{fingerprint}/resolve", operating.resolve_error, Needs.JOBS_UPDATE, 204),
    Route("POST", "/api/v1/errors/{fingerprint}/reopen", operating.reopen_error, Needs.JOBS_UPDATE, 204,
          {409: "It is neither muted nor resolved."}),
    Route("POST", "/api/v1/jobs/{job_id}/fork", operating.fork_job, Needs.JOBS_RERUN, 201,
          {409: "What lies before the step did not complete, or it is a job of the system itself."}),
)  # fmt: skip

BUDGETS: Final = (
    Route("POST", "/api/v1/budgets", budgets.set_budget, Needs.BUDGETS_WRITE, 201,
          {200: "It was there before, and is changed."}, makes="/id"),
    Route("GET", "/api/v1/budgets", budgets.list_budgets, Needs.BUDGETS_READ),
    Route("GET", "/api/v1/budgets/{budget_id}", budgets.get_budget, Needs.BUDGETS_READ),
    Route("PATCH", "/api/v1/budgets/{budget_id}", budgets.change_budget, Needs.BUDGETS_WRITE),
    Route("DELETE", "/api/v1/budgets/{budget_id}", budgets.clear_budget, Needs.BUDGETS_WRITE, 204),
    Route("GET", f"{JOB}/budgets", budgets.list_job_budgets, Needs.BUDGETS_READ),
)  # fmt: skip

_SCHEDULE: Final = "/api/v1/schedules/{schedule_id}"
_NAMED: Final = "There is a schedule of this name."
SCHEDULES: Final = (
    Route("POST", "/api/v1/schedules", schedules.create_schedule, Needs.SCHEDULES_WRITE, 201, {409: _NAMED}, makes="/id"),
    Route("GET", "/api/v1/schedules", schedules.list_schedules, Needs.SCHEDULES_READ),
    Route("GET", "/api/v1/schedules/preview", schedules.preview_schedule, Needs.SCHEDULES_READ),
    Route("GET", _SCHEDULE, schedules.get_schedule, Needs.SCHEDULES_READ),
    Route("PATCH", _SCHEDULE, schedules.change_schedule, Needs.SCHEDULES_WRITE, also={409: _NAMED, 412: _CHANGED}),
    Route("DELETE", _SCHEDULE, schedules.remove_schedule, Needs.SCHEDULES_WRITE, 204),
    Route("POST", f"{_SCHEDULE}/pause", schedules.pause_schedule, Needs.SCHEDULES_WRITE),
    Route("POST", f"{_SCHEDULE}/resume", schedules.resume_schedule, Needs.SCHEDULES_WRITE,
          also={409: "It is not paused."}),
    Route("POST", f"{_SCHEDULE}/run", schedules.run_schedule, Needs.SCHEDULES_WRITE, 201,
          {409: "A job of the same unique key stands in its way."}),
    Route("POST", f"{_SCHEDULE}/backfill", schedules.backfill_schedule, Needs.SCHEDULES_WRITE, 201,
          {200: "Only counted, or no tick lacks a job.", 409: "There are more ticks than `limit`, or a unique key is held."}),
    Route("GET", f"{_SCHEDULE}/next", schedules.list_next_ticks, Needs.SCHEDULES_READ),
    Route("GET", f"{_SCHEDULE}/ticks", schedules.list_schedule_ticks, Needs.SCHEDULES_READ),
)  # fmt: skip

TYPES: Final = (
    Route("GET", "/api/v1/types", types.list_types, Needs.JOBS_READ),
    Route("GET", "/api/v1/types/{type}", types.get_type, Needs.JOBS_READ),
    Route("GET", "/api/v1/breakers", breakers.list_breakers, Needs.QUEUES_READ),
    Route("PUT", "/api/v1/types/{type}/breaker", breakers.set_breaker, Needs.QUEUES_PAUSE),
    Route("DELETE", "/api/v1/types/{type}/breaker", breakers.remove_breaker, Needs.QUEUES_PAUSE, 204),
)

KEYS: Final = (
    Route("POST", "/api/v1/api-keys", keys.create_key, Needs.KEYS_WRITE, 201, makes="/api_key/id"),
    Route("GET", "/api/v1/api-keys", keys.list_keys, Needs.KEYS_READ),
    Route("GET", "/api/v1/api-keys/{key_id}", keys.get_key, Needs.KEYS_READ),
    Route("POST", "/api/v1/api-keys/{key_id}/revoke", keys.revoke_key, Needs.KEYS_WRITE, 204),
)

_HOLDS: Final = "Something hangs on it still."
_TAKEN: Final = "The name is taken."
TASKS: Final = (
    Route("POST", "/api/v1/tasks", tasks.create_task, Needs.TASKS_WRITE, 201, makes="/id"),
    Route("GET", "/api/v1/tasks", tasks.list_tasks, Needs.TASKS_READ),
    Route("GET", "/api/v1/tasks/{task_id}", tasks.get_task, Needs.TASKS_READ),
    Route("PATCH", "/api/v1/tasks/{task_id}", tasks.change_task, Needs.TASKS_WRITE, also={412: _CHANGED}),
    Route("DELETE", "/api/v1/tasks/{task_id}", tasks.remove_task, Needs.TASKS_WRITE, 204, {409: _HOLDS}),
    Route("POST", "/api/v1/projects", tasks.create_project, Needs.PROJECTS_WRITE, 201, {409: _TAKEN}, makes="/id"),
    Route("GET", "/api/v1/projects", tasks.list_projects, Needs.PROJECTS_READ),
    Route("GET", "/api/v1/projects/{project_id}", tasks.get_project, Needs.PROJECTS_READ),
    Route("PATCH", "/api/v1/projects/{project_id}", tasks.rename_project, Needs.PROJECTS_WRITE, also={409: _TAKEN}),
    Route("DELETE", "/api/v1/projects/{project_id}", tasks.remove_project, Needs.PROJECTS_WRITE, 204, {409: _HOLDS}),
)

_TASK: Final = "/api/v1/tasks/{task_id}"
_OVER: Final = "The task is over, or there is no session to go on with."
AGENT_TASKS: Final = (
    Route("POST", f"{_TASK}/start", agent_tasks.start_task, Needs.JOBS_ENQUEUE, 201, {200: _EXISTED, 409: _OVER}),
    Route("POST", f"{_TASK}/follow-up", agent_tasks.follow_up_task, Needs.JOBS_ENQUEUE, 201,
          {200: _EXISTED, 409: _OVER}),
    Route("GET", f"{_TASK}/compare", agent_tasks.compare_task, Needs.JOBS_READ),
)  # fmt: skip

FIGURES: Final = (
    Route("GET", "/api/v1/counts", figures.count_jobs, Needs.JOBS_READ),
    Route("GET", "/api/v1/queues/{queue}/stats", figures.list_queue_stats, Needs.QUEUES_READ),
    Route("GET", "/api/v1/overview", overview.get_overview, Needs.JOBS_READ),
    Route("GET", "/api/v1/errors", errors.list_errors, Needs.JOBS_READ),
    Route("GET", "/api/v1/errors/{fingerprint}", errors.get_error, Needs.JOBS_READ),
    Route("GET", "/api/v1/usage", figures.list_usage_totals, Needs.METRICS_READ),
    Route("GET", "/api/v1/usage/days", figures.list_usage_days, Needs.METRICS_READ),
    Route("GET", "/api/v1/system", system.get_system, Needs.SYSTEM_READ),
    Route("GET", "/api/v1/metrics", figures.list_metrics, Needs.METRICS_READ),
    Route("GET", "/api/v1/metrics/names", figures.list_metric_names, Needs.METRICS_READ),
)

BULK: Final = (Route("POST", "/api/v1/bulk", bulk.run_bulk, Needs.JOBS_ENQUEUE, 201, {200: "Only counted."}),)

_DISABLED: Final = "The webhook is disabled, or the delivery is under way."
_HOOK: Final = "/api/v1/webhooks/{webhook_id}"
WEBHOOKS: Final = (
    Route("POST", "/api/v1/webhooks", webhooks.create_webhook, Needs.WEBHOOKS_WRITE, 201,
          {409: "The workspace has as many webhooks as it may."}, makes="/webhook/id"),
    Route("GET", "/api/v1/webhooks", webhooks.list_webhooks, Needs.WEBHOOKS_READ),
    Route("GET", _HOOK, webhooks.get_webhook, Needs.WEBHOOKS_READ),
    Route("PATCH", _HOOK, webhooks.change_webhook, Needs.WEBHOOKS_WRITE, also={412: _CHANGED}),
    Route("DELETE", _HOOK, webhooks.remove_webhook, Needs.WEBHOOKS_WRITE, 204),
    Route("POST", f"{_HOOK}/rotate", webhooks.rotate_webhook_secret, Needs.WEBHOOKS_WRITE),
    Route("GET", f"{_HOOK}/deliveries", webhooks.list_deliveries, Needs.WEBHOOKS_READ),
    Route("POST", f"{_HOOK}/replay", webhooks.replay_webhook, Needs.WEBHOOKS_WRITE, also={409: _DISABLED}),
    Route("POST", "/api/v1/deliveries/{delivery_id}/replay", webhooks.replay_delivery, Needs.WEBHOOKS_WRITE, 201,
          {409: _DISABLED}),
)  # fmt: skip

_EVENTS: Final = Bytes("text/event-stream")
STREAMS: Final = (
    Route("GET", f"{JOB}/stream", streams.stream_job, Needs.JOBS_READ, gives=_EVENTS),
    Route("GET", "/api/v1/stream", streams.stream_workspace, Needs.JOBS_READ, gives=_EVENTS),
)

_LAST_OWNER: Final = "They are the last owner, or a member already."
WORKSPACE: Final = (
    Route("GET", "/api/v1/me", workspace.get_me, Open.TO_EVERY_KEY),
    Route("GET", "/api/v1/workspace", workspace.get_workspace, Needs.WORKSPACE_READ),
    Route("PATCH", "/api/v1/workspace", workspace.rename_workspace, Needs.WORKSPACE_WRITE,
          also={409: "The name is taken."}),
    Route("GET", "/api/v1/workspace/policy", workspace.get_policy, Needs.WORKSPACE_READ),
    Route("PUT", "/api/v1/workspace/policy", workspace.set_policy, Needs.POLICY_WRITE),
    Route("GET", "/api/v1/members", workspace.list_members, Needs.MEMBERS_READ),
    Route("POST", "/api/v1/members", workspace.add_member, Needs.MEMBERS_WRITE, 204, {409: _LAST_OWNER}),
    Route("PATCH", "/api/v1/members/{user_id}", workspace.change_member, Needs.MEMBERS_WRITE, 204,
          {409: _LAST_OWNER}),
    Route("DELETE", "/api/v1/members/{user_id}", workspace.remove_member, Needs.MEMBERS_WRITE, 204,
          {409: _LAST_OWNER}),
    Route("GET", "/api/v1/administration", workspace.list_administration, Needs.ADMINISTRATION_READ),
)  # fmt: skip

_NO_LOGIN: Final = "Nobody is signed in."
LOGINS: Final = (
    Route("POST", "/api/v1/login", logins.log_in, Open.TO_ALL, also={401: "The e-mail or the password is wrong."}),
    Route("GET", "/api/v1/login", logins.get_login, Open.TO_ALL, also={401: _NO_LOGIN}),
    Route("DELETE", "/api/v1/login", logins.log_out, Open.TO_EVERY_KEY, 204),
)

LOOKUPS: Final = (
    Route("GET", "/api/v1/job-ids", lookups.find_job_ids, Needs.JOBS_READ),
    Route("GET", f"{JOB}/why", lookups.get_why, Needs.JOBS_READ),
    Route("GET", "/api/v1/gates/{gate_id}", lookups.get_gate, Needs.GATES_READ),
)

_NO_LONGER: Final = "The job has ended and takes no more files."
_ASSET: Final = "/api/v1/assets/{asset_id}"
ASSETS: Final = (
    Route("POST", "/api/v1/assets", assets.upload_asset, Needs.ASSETS_WRITE, 201,
          {404: "There is no such job or task.", 409: _NO_LONGER}, takes=Bytes()),
    Route("GET", "/api/v1/assets", assets.list_assets, Needs.ASSETS_READ),
    Route("GET", _ASSET, assets.get_asset, Needs.ASSETS_READ),
    Route("DELETE", _ASSET, assets.remove_asset, Needs.ASSETS_WRITE, 204, {409: "A job holds it."}),
    Route("GET", f"{_ASSET}/content", assets.get_asset_content, Needs.ASSETS_READ, gives=Bytes("*/*"),
          also={206: "Parts of it.", 304: "It is known.", 416: "No range meets it."}),
    Route("GET", f"{JOB}/assets", assets.list_job_assets, Needs.ASSETS_READ),
)  # fmt: skip

_STOPPED: Final = "The worker has stopped."
_STALE: Final = "The attempt is no longer open: nothing was written; stop its processes."
_ATTEMPT: Final = "/api/v1/attempts/{attempt_id}"
_BIG_AND_STALE: Final = {409: _STALE, 413: "The body is too large.", 415: "The body is no JSON."}
_RUN: Final = Needs.WORKERS_RUN
WORKER: Final = (
    Route("POST", "/api/v1/worker/register", worker.register_worker, _RUN, 201),
    Route("POST", "/api/v1/worker/claim", worker.claim_jobs, _RUN,
          also={404: "There is no such worker.", 409: _STOPPED}),
    Route("POST", "/api/v1/worker/{worker_id}/heartbeat", worker.beat_worker, _RUN, also={409: _STOPPED}),
    Route("POST", "/api/v1/worker/{worker_id}/stop", worker.stop_worker, _RUN, 204),
    Route("POST", f"{_ATTEMPT}/heartbeat", attempts.beat_attempt, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/progress", attempts.tell_progress, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/events", attempts.tell_event, _RUN, 204, {409: _STALE}),
    Route("POST", f"{_ATTEMPT}/identity", attempts.identify_attempt, _RUN, 204, {409: _STALE}),
    Route("POST", f"{_ATTEMPT}/steps", attempt_steps.begin_step, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/steps/{{step_id}}/finish", attempt_steps.finish_step, _RUN, 204, _BIG_AND_STALE,
          shows=attempt_steps.StepEndBody),
    Route("POST", f"{_ATTEMPT}/children", attempt_children.start_children, _RUN,
          also={202: "The attempt is over: the job waits for what it started.", 409: _STALE},
          shows=attempt_children.ChildrenShape, max_body_bytes=64 << 20),
    Route("POST", f"{_ATTEMPT}/gates", attempt_steps.ask_people, _RUN,
          also={202: "The attempt is over: the job waits for people.", 409: _STALE}),
    Route("POST", f"{_ATTEMPT}/logs", attempts.write_lines, _RUN, 200, _BIG_AND_STALE, shows=attempts.LinesBody),
    Route("POST", f"{_ATTEMPT}/usage", attempts.book_usage, _RUN, 204, {409: _STALE}),
    Route("POST", f"{_ATTEMPT}/reserve", budgets.reserve_budget, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/metrics", attempts.measure_attempt, _RUN, 204, {409: _STALE}),
    Route("POST", f"{_ATTEMPT}/assets", attempts.keep_asset, _RUN, 201, {409: _STALE}, takes=Bytes()),
    Route("POST", f"{_ATTEMPT}/complete", attempt_ends.complete_attempt, _RUN, 200, _BIG_AND_STALE,
          shows=attempt_ends.CompleteBody),
    Route("POST", f"{_ATTEMPT}/fail", attempt_ends.fail_attempt, _RUN, 200, _BIG_AND_STALE, shows=attempt_ends.FailBody),
    Route("POST", f"{_ATTEMPT}/snooze", attempt_ends.snooze_attempt, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/wait", attempt_ends.let_attempt_wait, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/cancelled", attempt_ends.cancel_attempt, _RUN, also={409: _STALE}),
    Route("POST", f"{_ATTEMPT}/release", attempt_ends.release_attempt, _RUN, also={409: _STALE}),
)  # fmt: skip

_THERE: Final = "/compat/nexrender/api/v1"
_THEIRS: Final = Dialect("nexrender", "nexrender-secret")
_NOT_ITS: Final = "The job is not, or no longer, the caller's, or has ended."
NEXRENDER: Final = (
    Route("GET", f"{_THERE}/health", nexrender.get_nexrender_health, Open.TO_ALL, gives=Bytes("text/plain"),
          dialect=_THEIRS),
    Route("POST", f"{_THERE}/jobs", nexrender.create_render, Needs.JOBS_ENQUEUE,
          also={409: "Another job has the uid."}, shows=nexrender.RenderBody, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs", nexrender.list_renders, Needs.JOBS_READ, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs/status", nexrender.list_render_statuses, Needs.JOBS_READ, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs/pickup", nexrender.pick_up_render, _RUN, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs/pickup/{{tags}}", nexrender.pick_up_tagged_render, _RUN, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs/{{uid}}/status", nexrender.get_render_status, Needs.JOBS_READ, dialect=_THEIRS),
    Route("GET", f"{_THERE}/jobs/{{uid}}", nexrender.get_render, Needs.JOBS_READ, dialect=_THEIRS),
    Route("PUT", f"{_THERE}/jobs/{{uid}}", nexrender.update_render, _RUN, also={409: _NOT_ITS},
          shows=nexrender.SaidBody, max_body_bytes=4 << 20, dialect=_THEIRS),
    Route("DELETE", f"{_THERE}/jobs/{{uid}}", nexrender.remove_render, Needs.JOBS_CANCEL, dialect=_THEIRS),
)  # fmt: skip

OPERATION: Final = (
    Route("GET", "/health", health.get_health, Open.TO_ALL),
    Route("GET", "/ready", health.get_ready, Open.TO_ALL),
    Route("GET", "/metrics", health.get_prometheus, Open.TO_ALL, gives=Bytes("text/plain")),
    Route("GET", "/api/openapi.json", health.get_openapi, Open.TO_ALL, gives=_JSON),
)

ROUTES: Final = (
    *JOBS,
    *PARTS,
    *GATES,
    *GROUPS,
    *SIGNALS,
    *QUEUES,
    *OPERATING,
    *SCHEDULES,
    *BUDGETS,
    *TYPES,
    *TASKS,
    *AGENT_TASKS,
    *FIGURES,
    *BULK,
    *WEBHOOKS,
    *STREAMS,
    *KEYS,
    *WORKSPACE,
    *LOGINS,
    *LOOKUPS,
    *ASSETS,
    *WORKER,
    *WAITS,
    *NEXRENDER,
    *OPERATION,
)
