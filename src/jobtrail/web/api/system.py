"""The route that tells how the installation stands: what `jobtrail doctor` finds, and the figures behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from jobtrail.service import health, system
from jobtrail.service.health import Finding
from jobtrail.service.system import System
from jobtrail.store.db import ALL, Scope
from jobtrail.web.runtime import Call


@dataclass(frozen=True, slots=True)
class SystemView:
    """The findings, and what they were found in. `streams` are those that this process has open."""

    at: datetime
    findings: list[Finding]
    system: System
    streams: int


async def get_system(call: Call) -> SystemView:
    """How the installation stands: server, tables, sessions, upkeep, and what should be done about it."""
    return await look(call)


async def look(call: Call) -> SystemView:
    """Reads and judges it. Of jobs that nobody takes only those of the workspace are told."""
    asked_at = datetime.now(UTC)
    found = await call.runtime.reads.arun(system.read(), Scope.of(ALL))
    answered_at = datetime.now(UTC)
    unserved = await call.read(health.unserved())
    said = system.findings(found, unserved, asked_at, answered_at)
    return SystemView(answered_at, said, found, call.runtime.hub.listeners)
