"""Clients: the verbs for programs, on the database directly or over HTTP. They hold no rule of their own."""

from jobtrail.client.database import AsyncClient, Client
from jobtrail.client.verbs import DEFAULT_WORKSPACE, AsyncJobsClient, Ended, JobsClient, rerun_of

__all__ = ["DEFAULT_WORKSPACE", "AsyncClient", "AsyncJobsClient", "Client", "Ended", "JobsClient", "rerun_of"]
