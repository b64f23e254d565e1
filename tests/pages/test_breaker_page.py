"""What pages tell of breakers and of jobs that took the place of others."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from database import Database
from scene import ME, WORKSPACE, Scene, ids, new_job
from serving import Served, served

from jobtrail.core.breaker import BreakerMode, BreakerPolicy
from jobtrail.core.ids import short
from jobtrail.service import breakers, jobs
from jobtrail.service.breakers import Outcomes


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, path: str) -> str:
    answer = httpx2.get(f"{web.url}/w/default{path}")
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def opened(scene: Scene, type: str) -> None:
    policy = BreakerPolicy(min_failures=2)
    scene.do(breakers.put(WORKSPACE, type, BreakerMode.AUTO, ME, ids.new(), policy=policy))
    scene.do(breakers.tell([Outcomes(WORKSPACE, type, failed=2)]))


def test_a_type_tells_of_its_breaker_and_what_may_be_done_with_it(web: Served, scene: Scene) -> None:
    scene.enqueue(type="a b")
    assert "jobtrail type breaker 'a b' open" in read(web, "/types/a b")
    opened(scene, "a b")
    page = read(web, "/types/a b")
    assert "2 of 2 attempts failed within 60 s" in page and "its jobs wait and use up no attempt" in page
    assert "/api/v1/types/a%20b/breaker" in page and "jobtrail type breaker 'a b' off" in page


def test_a_queue_tells_of_the_breakers_behind_which_its_jobs_wait(web: Served, scene: Scene) -> None:
    scene.enqueue_many(3, type="calls", queue="media")
    scene.enqueue(type="calls", queue="other")
    opened(scene, "calls")
    page = read(web, "/queues/media")
    assert "is open (2 of 2 attempts failed within 60 s)" in page and "3 jobs wait behind it" in page


def test_the_overview_tells_of_open_breakers(web: Served, scene: Scene) -> None:
    scene.enqueue(type="calls")
    opened(scene, "calls")
    page = read(web, "/")
    assert "the breaker of type calls is open, so its jobs wait" in page and "/types/calls" in page


def test_a_job_and_the_one_that_took_its_place_lead_to_each_other(web: Served, scene: Scene) -> None:
    def accept(**more: Any) -> UUID:
        new = new_job(unique_key="k", unique_scope="ANY", unique_window_seconds=3_600.0, **more)
        return scene.do(jobs.enqueue(WORKSPACE, [new], ME)).ids[0]

    old, heir = accept(), accept(on_conflict="REPLACE")
    before, after = read(web, f"/jobs/{old}"), read(web, f"/jobs/{heir}")
    assert "superseded by" in before and f"/jobs/{heir}" in before and "superseded" not in after
    assert f'took the place of <a class="mono" href="/w/default/jobs/{old}">{short(old)}</a>' in after
    assert "for good" in before and " at most" in before
