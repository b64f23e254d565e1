"""Jobtrail: durable, audited jobs on PostgreSQL. This is the front door; what is not here is not public."""

from jobtrail.app import App, Handle
from jobtrail.client import AsyncClient, Client
from jobtrail.core.errors import JobtrailError
from jobtrail.core.model import Asset, Event, Job, Step
from jobtrail.core.outcome import Cancel, Done, Fail, Outcome, Snooze
from jobtrail.core.retry import Retry
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Decision, Runner
from jobtrail.runners.threads import SyncContext
from jobtrail.service.usage import Call as ModelCall

__all__ = [
    "App",
    "Asset",
    "AsyncClient",
    "Cancel",
    "Client",
    "Context",
    "Decision",
    "Done",
    "Event",
    "Fail",
    "Handle",
    "Job",
    "JobtrailError",
    "ModelCall",
    "Outcome",
    "Retry",
    "Runner",
    "Snooze",
    "Step",
    "SyncContext",
]
