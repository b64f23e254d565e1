"""Jobs that wait for a signal, at a real worker: in its process and in one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Database
from worker import shipping
from worker.at_work import Scene
from worker.at_work import scene as make_scene

from jobtrail.core.why import sentence
from jobtrail.runners.python import Isolation


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_job_goes_on_when_it_is_signalled(scene: Scene, isolation: Isolation) -> None:
    ship = scene.app.job("ship", isolation=isolation)(shipping.ship)
    with scene.work(slots=1):
        handle, early = ship.enqueue(order="o1"), ship.enqueue(order="o2")
        waits = scene.until(handle, "PENDING")
        assert (waits.wait_reason, waits.attempt_count) == ("SIGNAL", 1)
        assert "o1 waits for paid" in sentence(scene.client.facts(handle.id))
        assert scene.client.signal(handle.id, "paid", {"eur": 5})
        assert scene.ends(handle).status == "COMPLETED"
        scene.client.signal(early.id, "paid", 6)
        scene.ends(early)
    assert handle.result()[:2] == ["o1", {"eur": 5}]
    assert early.result()[1] == 6
    told = scene.told(handle)
    assert [event for event in told if event in ("job.waiting", "job.resumed")] == ["job.waiting", "job.resumed"]
