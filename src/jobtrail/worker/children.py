"""What a worker does once for the child processes of its runners: so that none outlives it, whatever happens to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from uuid import UUID

from jobtrail.process.census import become_subreaper
from jobtrail.process.cgroup import delegated
from jobtrail.process.warden import Warden
from jobtrail.runners.protocol import Runner


@contextlib.contextmanager
def looked_after(worker_id: UUID, runners: Mapping[str, Runner]) -> Iterator[None]:
    """While it is open, orphans come to this process, and a warden ends what a killed worker leaves."""
    serving = [runner for runner in runners.values() if hasattr(runner, "serve")]
    if not serving:
        yield
        return
    become_subreaper()
    cgroups = delegated()
    for runner in serving:
        runner.serve(str(worker_id), cgroups)
    warden = Warden(str(worker_id))
    try:
        yield
    finally:
        warden.close()
