"""Clients: the verbs for programs, on the database directly or over HTTP. They hold no rule of their own."""

from jobtrail.client.database import AsyncClient, Client
from jobtrail.client.verbs import DEFAULT_WORKSPACE, AsyncJobsClient, Ended, JobsClient, rerun_of
from jobtrail.service.agent_tasks import FollowUp, Start
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter

__all__ = [
    "DEFAULT_WORKSPACE",
    "AsyncClient",
    "AsyncJobsClient",
    "Client",
    "Ended",
    "FollowUp",
    "JobsClient",
    "NewTask",
    "Start",
    "TaskChange",
    "TaskFilter",
    "rerun_of",
]
