"""The tree below a job, what it cost by itself and with its children, and what waits for what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pages.acting import on
from pages.conftest import Ui
from pages.test_job_page import seen


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url) as client:
        yield client


def test_a_tree_says_what_a_job_cost_by_itself_and_with_its_children(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("a parent that costs")
    child = stage.begun("a child that costs more", parent_id=job["job_id"])
    said: dict[str, Any] = {"number": 1, "provider": "p", "model": "m"}
    stage.tell(job, "usage", said | {"cost_usd": "0.20"})
    stage.tell(child, "usage", said | {"cost_usd": "1.30"})
    told = seen(http, f"/w/default/jobs/{job['job_id']}/tree")
    assert "Own cost $0.20" in told and "With children $1.50" in told
    assert "2 jobs: 0 completed, 0 failed, 0 cancelled" in told
    assert "level 1: a child that costs more" in told
    below = seen(http, f"/w/default/jobs/{child['job_id']}/tree")
    assert "It started no other jobs." in below and f"Started by {job['job_id'][-8:]}" in below


def test_a_tree_says_what_waits_for_what(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("the one that is needed")
    waits = stage.job("the one that waits", after=[job["job_id"]])
    above = seen(http, f"/w/default/jobs/{job['job_id']}/tree")
    assert f"{waits[-8:]} waits for this job" in above and "the one that waits" in above
    told = seen(http, f"/w/default/jobs/{waits}/tree")
    assert "needed by this job" in told and "still open" in told
