"""What an attempt used, for code that runs inside the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Database
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


def test_the_memory_of_the_process_is_noted_with_the_attempt(scene: Scene) -> None:
    measured = asyncio.Event()

    @scene.app.job("waits")
    async def waits(ctx: jt.Context) -> None:
        await measured.wait()

    handle = waits.enqueue()
    with scene.work() as at_work:
        worker = at_work.worker
        assert worker is not None
        wait_until(lambda: any(one.peak_bytes for one in worker.running.values()), "the memory is looked at")
        at_work.soon(measured.set)
        assert scene.ends(handle).status == "COMPLETED"
    assert (scene.app.client.attempts(handle.id)[0].memory_bytes or 0) > 10_000_000
