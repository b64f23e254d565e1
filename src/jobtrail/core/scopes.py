"""What a key or a person may do: one scope a verb (or a family of harmless ones), and the scopes of each role."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A person's standing in a workspace; each has all that the ones before it have."""

    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    ADMIN = "ADMIN"
    OWNER = "OWNER"


class ApiScope(StrEnum):
    """One thing that a key can be allowed to do."""

    JOBS_READ = "jobs:read"
    JOBS_ENQUEUE = "jobs:enqueue"
    JOBS_UPDATE = "jobs:update"
    JOBS_CANCEL = "jobs:cancel"
    JOBS_RETRY = "jobs:retry"
    JOBS_RERUN = "jobs:rerun"
    JOBS_SIGNAL = "jobs:signal"
    GATES_READ = "gates:read"
    GATES_DECIDE = "gates:decide"
    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    SCHEDULES_READ = "schedules:read"
    SCHEDULES_WRITE = "schedules:write"
    QUEUES_READ = "queues:read"
    QUEUES_PAUSE = "queues:pause"
    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    METRICS_READ = "metrics:read"
    WORKERS_READ = "workers:read"
    WORKERS_RUN = "workers:run"
    WORKERS_MANAGE = "workers:manage"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"
    POLICY_WRITE = "policy:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    ADMINISTRATION_READ = "administration:read"
    SYSTEM_READ = "system:read"


_VIEWER: Final = frozenset(
    {
        ApiScope.JOBS_READ,
        ApiScope.GATES_READ,
        ApiScope.ASSETS_READ,
        ApiScope.SCHEDULES_READ,
        ApiScope.QUEUES_READ,
        ApiScope.TASKS_READ,
        ApiScope.PROJECTS_READ,
        ApiScope.BUDGETS_READ,
        ApiScope.METRICS_READ,
        ApiScope.WORKERS_READ,
        ApiScope.WORKSPACE_READ,
    }
)
_OPERATOR: Final = _VIEWER | {
    ApiScope.JOBS_ENQUEUE,
    ApiScope.JOBS_UPDATE,
    ApiScope.JOBS_CANCEL,
    ApiScope.JOBS_RETRY,
    ApiScope.JOBS_RERUN,
    ApiScope.JOBS_SIGNAL,
    ApiScope.GATES_DECIDE,
    ApiScope.ASSETS_WRITE,
    ApiScope.SCHEDULES_WRITE,
    ApiScope.QUEUES_PAUSE,
    ApiScope.WORKERS_MANAGE,
    ApiScope.TASKS_WRITE,
    ApiScope.PROJECTS_WRITE,
}
_OWNER: Final = frozenset(ApiScope)

SCOPES_OF: Final[dict[Role, frozenset[ApiScope]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _OWNER - {ApiScope.WORKSPACE_WRITE},
    Role.OWNER: _OWNER,
}
