"""The one table of pages, in the form of the table of routes: path, handler, scope. Pages only read."""

from __future__ import annotations

from typing import Final

from jobtrail.core.scopes import ApiScope as Needs
from jobtrail.web.pages import (
    approvals,
    cost,
    entry,
    errors,
    files,
    gate_link,
    job,
    job_cost,
    job_data,
    job_tree,
    jobs,
    logs,
    operations,
    overview,
    queues,
    scheduled,
    schedules,
    settings,
    statics,
    system,
    tasks,
    types,
    workers,
)
from jobtrail.web.routing import HTML, PAGES, Bytes, Open, Route

_W: Final = "/w/{workspace}"
ENTRY: Final = (
    Route("GET", "/", entry.show_start, Open.TO_EVERY_KEY, 303, gives=HTML, dialect=PAGES),
    Route("GET", _W, entry.show_workspace, Open.TO_EVERY_KEY, 303, gives=HTML, dialect=PAGES),
    Route("GET", "/login", entry.show_login, Open.TO_ALL, gives=HTML, dialect=PAGES),
    Route("GET", "/static/{version}/{path:path}", statics.show_static, Open.TO_ALL, gives=Bytes("*/*"), dialect=PAGES),
    Route("GET", f"{_W}/live", entry.stream_changes, Needs.JOBS_READ, gives=Bytes("text/event-stream"), dialect=PAGES),
)
JOBS: Final = (
    Route("GET", f"{_W}/jobs", jobs.show_jobs, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/operations/{{operation_id}}", operations.show_operation, Needs.JOBS_READ, gives=HTML,
          dialect=PAGES),
    Route("GET", f"{_W}/types", types.show_types, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/types/{{type}}", types.show_type, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/new", types.show_new_job, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
)  # fmt: skip
_JOB: Final = f"{_W}/jobs/{{job_id}}"
JOB: Final = (
    Route("GET", _JOB, job.show_job, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/logs", logs.show_job_logs, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/events", job.show_job_events, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/data", job_data.show_job_data, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/data/{{part}}", job_data.get_job_value, Needs.JOBS_READ, gives=Bytes("application/json"),
          dialect=PAGES),
    Route("GET", f"{_JOB}/rerun", job_data.show_rerun, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", "/j/{id}", job.find_job, Open.TO_EVERY_KEY, 303, gives=HTML, dialect=PAGES),
)  # fmt: skip

_SETTINGS: Final = f"{_W}/settings"
SETTINGS: Final = (
    Route("GET", _SETTINGS, settings.show_settings, Needs.WORKSPACE_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/members", settings.show_members, Needs.MEMBERS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/groups", settings.show_groups, Needs.MEMBERS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/keys", settings.show_keys, Needs.KEYS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/webhooks", settings.show_webhooks, Needs.WEBHOOKS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/webhooks/{{webhook_id}}", settings.show_webhook, Needs.WEBHOOKS_READ, gives=HTML,
          dialect=PAGES),
    Route("GET", f"{_SETTINGS}/policy", settings.show_policy, Needs.WORKSPACE_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_SETTINGS}/record", settings.show_record, Needs.ADMINISTRATION_READ, gives=HTML, dialect=PAGES),
)  # fmt: skip

FIGURES: Final = (
    Route("GET", f"{_W}/", overview.show_overview, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/errors", errors.show_errors, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/errors/{{fingerprint}}", errors.show_error, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/queues", queues.show_queues, Needs.QUEUES_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/queues/{{queue}}", queues.show_queue, Needs.QUEUES_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/cost", cost.show_cost, Needs.METRICS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/system", system.show_system, Needs.SYSTEM_READ, gives=HTML, dialect=PAGES),
)

DECIDING: Final = (
    Route("GET", f"{_W}/approvals", approvals.show_approvals, Needs.GATES_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/approvals/{{gate_id}}", approvals.show_approval, Needs.GATES_READ, gives=HTML, dialect=PAGES),
    Route("GET", "/g/{link}", gate_link.show_gate_link, Open.TO_ALL, gives=HTML, dialect=PAGES),
    Route("POST", "/g/{link}", gate_link.answer_gate_link, Open.TO_ALL, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/tasks", tasks.show_tasks, Needs.TASKS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/tasks/{{task_id}}", tasks.show_task, Needs.TASKS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/projects/{{project_id}}", tasks.show_project, Needs.PROJECTS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/scheduled", scheduled.show_scheduled, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/schedules", schedules.show_schedules, Needs.SCHEDULES_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/schedules/{{schedule_id}}", schedules.show_schedule, Needs.SCHEDULES_READ, gives=HTML,
          dialect=PAGES),
)  # fmt: skip
MAKING: Final = (
    Route("GET", f"{_W}/files", files.show_files, Needs.ASSETS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/files", files.show_job_files, Needs.ASSETS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/tree", job_tree.show_job_tree, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_JOB}/cost", job_cost.show_job_cost, Needs.JOBS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/workers", workers.show_workers, Needs.WORKERS_READ, gives=HTML, dialect=PAGES),
    Route("GET", f"{_W}/workers/{{worker_id}}", workers.show_worker, Needs.WORKERS_READ, gives=HTML, dialect=PAGES),
)

SCREENS: Final = (*ENTRY, *JOBS, *JOB, *FIGURES, *SETTINGS, *DECIDING, *MAKING)
