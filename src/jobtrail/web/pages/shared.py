"""Reads of pages that many tabs ask for at once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeVar

from jobtrail.core.model import Worker
from jobtrail.service import workers
from jobtrail.store.query import Flow, Query
from jobtrail.web.runtime import Call

T = TypeVar("T")

_WORKERS: Final = 200


async def shared(call: Call, key: Hashable, work: Query[T] | Flow[T], seconds: float = 1.0) -> T:
    """Like `call.read`, once for all who ask for the same of a workspace within some seconds."""
    return await call.runtime.shared.get((call.workspace, key), seconds, lambda: call.read(work))


async def known_workers(call: Call) -> list[Worker]:
    """Workers that serve the workspace, those alive first."""
    return await shared(call, "workers", workers.listed(_WORKERS), 2.0)
