"""Whatever a vandal with all rights does to a sealed and anchored history, the audit finds it."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from random import Random

from audit.history import KEY, History, lived
from audit.tampers import TAMPERS, Vandal
from database import Connection

LOG = logging.getLogger(__name__)
"""Says what was found, by sort: pytest -o log_cli=true -o log_cli_level=info."""
DEEP = os.environ.get("JOBTRAIL_DEEP") == "1"
MANY = 1_000 if DEEP else 150


def test_every_tamper_is_found(conn: Connection, admin: Connection) -> None:
    history = lived(conn)
    assert history.verify().ok
    chance = Random(int(os.environ.get("JOBTRAIL_SEED", "7")))
    done, missed, seconds, events = Counter[str](), [], 0.0, 0
    names = list(TAMPERS)
    weights = [TAMPERS[name][1] for name in names]
    while done.total() < MANY:
        name = chance.choices(names, weights)[0]
        seed = chance.getrandbits(32)
        report, took = tampered(history, admin, name, seed)
        if report is None:
            continue
        done[name] += 1
        seconds, events = seconds + took, events + report[1]
        if not report[0]:
            missed.append(f"{name} (seed {seed})")
    LOG.info("found %d of %d, %.0f events/s", done.total() - len(missed), done.total(), events / seconds)
    for name, number in sorted(done.items()):
        LOG.info("%s: %d of %d", name, number - sum(one.startswith(f"{name} (") for one in missed), number)
    assert missed == []
    assert history.verify().ok, "a tamper was not undone"


def tampered(history: History, admin: Connection, name: str, seed: int) -> tuple[tuple[bool, int] | None, float]:
    """Does it, verifies as the application would, and undoes it. None when there was nothing to do."""
    jobs = [(workspace, id) for workspace, ids in history.jobs.items() for id in ids]
    with admin.transaction(force_rollback=True):
        admin.execute("set local session_replication_role = replica")
        if not TAMPERS[name][0](Vandal(admin, Random(seed), jobs, KEY)):
            return None, 0.0
        admin.execute("set local role jobtrail_app")
        begun = time.perf_counter()
        report = history.verify(admin)
        return (not report.ok, report.events), time.perf_counter() - begun
