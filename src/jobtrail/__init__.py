"""Jobtrail: durable, audited jobs on PostgreSQL. This is the front door; what is not here is not public.

A name is imported when it is first asked for, so that `import jobtrail` and a command's --help are quick. Type checkers
read `__init__.pyi`, which a test holds against this table.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "App": ("jobtrail.app", "App"),
    "Asset": ("jobtrail.core.model", "Asset"),
    "AsyncClient": ("jobtrail.client", "AsyncClient"),
    "AsyncRemoteClient": ("jobtrail.client.async_remote", "AsyncRemoteClient"),
    "Budget": ("jobtrail.core.budget_terms", "Budget"),
    "Cancel": ("jobtrail.core.outcome", "Cancel"),
    "ChildFailed": ("jobtrail.core.errors", "ChildFailed"),
    "Client": ("jobtrail.client", "Client"),
    "Context": ("jobtrail.runners.context", "Context"),
    "Decision": ("jobtrail.runners.protocol", "Decision"),
    "Done": ("jobtrail.core.outcome", "Done"),
    "Event": ("jobtrail.core.model", "Event"),
    "Fail": ("jobtrail.core.outcome", "Fail"),
    "Handle": ("jobtrail.app", "Handle"),
    "Job": ("jobtrail.core.model", "Job"),
    "JobsClient": ("jobtrail.client", "JobsClient"),
    "JobtrailError": ("jobtrail.core.errors", "JobtrailError"),
    "ModelCall": ("jobtrail.service.usage", "Call"),
    "Outcome": ("jobtrail.core.outcome", "Outcome"),
    "RemoteClient": ("jobtrail.client.remote", "RemoteClient"),
    "Retry": ("jobtrail.core.retry", "Retry"),
    "Runner": ("jobtrail.runners.protocol", "Runner"),
    "Snooze": ("jobtrail.core.outcome", "Snooze"),
    "Step": ("jobtrail.core.model", "Step"),
    "Stopped": ("jobtrail.core.outcome", "Stopped"),
    "SyncContext": ("jobtrail.runners.threads", "SyncContext"),
    "Unique": ("jobtrail.core.unique", "Unique"),
    "Wait": ("jobtrail.core.outcome", "Wait"),
    "WaitReason": ("jobtrail.core.status", "WaitReason"),
    "connect": ("jobtrail.client.connecting", "connect"),
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (a list of str all the same)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'jobtrail' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, there = _HOMES[name]
    value = getattr(import_module(module), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
