"""The front door as type checkers see it."""

from jobtrail.app import (
    App as App,
    Handle as Handle,
)
from jobtrail.client import (
    AsyncClient as AsyncClient,
    Client as Client,
    JobsClient as JobsClient,
)
from jobtrail.client.async_remote import AsyncRemoteClient as AsyncRemoteClient
from jobtrail.client.connecting import connect as connect
from jobtrail.client.remote import RemoteClient as RemoteClient
from jobtrail.core.budget_terms import Budget as Budget
from jobtrail.core.errors import (
    ChildFailed as ChildFailed,
    JobtrailError as JobtrailError,
)
from jobtrail.core.model import (
    Asset as Asset,
    Event as Event,
    Job as Job,
    Step as Step,
)
from jobtrail.core.outcome import (
    Cancel as Cancel,
    Done as Done,
    Fail as Fail,
    Outcome as Outcome,
    Snooze as Snooze,
    Stopped as Stopped,
    Wait as Wait,
)
from jobtrail.core.retry import Retry as Retry
from jobtrail.core.status import WaitReason as WaitReason
from jobtrail.core.unique import Unique as Unique
from jobtrail.runners.context import Context as Context
from jobtrail.runners.protocol import (
    Decision as Decision,
    Runner as Runner,
)
from jobtrail.runners.threads import SyncContext as SyncContext
from jobtrail.service.usage import Call as ModelCall

__all__ = [
    "App",
    "Asset",
    "AsyncClient",
    "AsyncRemoteClient",
    "Budget",
    "Cancel",
    "ChildFailed",
    "Client",
    "Context",
    "Decision",
    "Done",
    "Event",
    "Fail",
    "Handle",
    "Job",
    "JobsClient",
    "JobtrailError",
    "ModelCall",
    "Outcome",
    "RemoteClient",
    "Retry",
    "Runner",
    "Snooze",
    "Step",
    "Stopped",
    "SyncContext",
    "Unique",
    "Wait",
    "WaitReason",
    "connect",
]
