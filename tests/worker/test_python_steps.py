"""What Python jobs do with their context, and what is refused: steps, gates, waits, types, inputs."""
# ruff: noqa: T201  (jobs print)

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
import pytest
from database import Database
from worker.at_work import Scene
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.app import Handle
from jobtrail.core import why
from jobtrail.core.errors import Invalid

AT_ONCE = jt.Retry(max_attempts=3, delay=0)


class Report(pydantic.BaseModel):
    rows: int


@dataclass
class Part:
    name: str
    size: int


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


@pytest.mark.parametrize("name", ["x" * 256, "", "a\nb", "\ud800"], ids=["long", "empty", "newline", "surrogate"])
def test_a_name_of_a_step_that_cannot_be_stored_fails_the_job_clearly(scene: Scene, name: str) -> None:
    @scene.app.job("steps")
    async def steps(ctx: jt.Context) -> None:
        await ctx.step(name, len, "abc")

    handle = steps.enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.failure_count) == ("FAILED", "invalid", 1)
    assert job.error_message is not None and "a step's name" in job.error_message


def test_odd_progress_logs_and_metrics_stop_nothing(scene: Scene) -> None:
    @scene.app.job("odd")
    def odd(ctx: jt.SyncContext) -> str:
        ctx.progress(float("nan"))
        ctx.progress(-5, "\0\ud800" * 300)
        ctx.progress(1e9)
        ctx.metric("inf", float("inf"), "\0")
        ctx.metric("nan", float("nan"))
        ctx.log.info("\0\ud800", **{"\0": {1, 2}, "deep": [[[[]]]], "self": ctx})
        print("\ud800")
        return "fine"

    handle = odd.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == "fine"
        assert odd.enqueue().result(timeout=60) == "fine"
    assert handle.job().progress == 100


def test_steps_that_finished_are_remembered_and_come_back_as_they_were(scene: Scene) -> None:
    ran = []

    def make(name: str) -> Part:
        ran.append(name)
        return Part(name, len(name))

    async def report(rows: int) -> Report:
        ran.append("report")
        return Report(rows=rows)

    @scene.app.job("parts", retry=AT_ONCE)
    async def parts(ctx: jt.Context) -> list[int]:
        part = await ctx.step("make", make, "abc")
        made = await ctx.step("report", report, 4)
        again = await ctx.step("make", make, "abcd")
        lazy = await ctx.step("lazy", lambda: report(5))
        if ctx.attempt == 1:
            raise RuntimeError("after the steps")
        return [part.size, made.rows, again.size, lazy["rows"] if isinstance(lazy, dict) else lazy.rows]

    handle = parts.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == [3, 4, 4, 5]
    assert ran == ["abc", "report", "abcd", "report"]
    told = scene.told(handle)
    assert (told.count("step.completed"), told.count("step.started")) == (4, 4)


def test_a_failed_step_is_run_again_and_lines_are_filed_under_the_step_that_wrote_them(scene: Scene) -> None:
    again = threading.Event()

    @scene.app.job("beside", retry=AT_ONCE)
    async def beside(ctx: jt.Context) -> None:
        ready = [asyncio.Event(), asyncio.Event()]

        async def part(n: int) -> None:
            ready[n].set()
            if ctx.attempt > 1:
                again.set()
            await ready[1 - n].wait()  # both run side by side
            print(f"part {n}")
            if n == 1 and ctx.attempt == 1:
                raise OSError("once")

        await asyncio.gather(ctx.step("a", part, 0), ctx.step("b", part, 1), return_exceptions=True)
        ctx.log.info("after")
        if ctx.attempt == 1:
            raise OSError("again")

    handle = beside.enqueue()
    with scene.work():
        assert again.wait(60)
        scene.client.cancel(handle.id)  # its step a is remembered, so b waits for nobody
        scene.ends(handle)
    steps = {step.name: step for step in scene.client.steps(handle.id)}
    assert (steps["a"].status, steps["b"].error_message) == ("COMPLETED", "cancelled")
    lines = scene.client.logs(handle.id, attempt_id=scene.attempts(handle)[0].id)
    filed = {line.message: line.step_id for line in lines}
    assert filed == {"part 0": steps["a"].id, "part 1": steps["b"].id, "after": None}


@pytest.mark.parametrize("approve", [True, False])
def test_a_gate_holds_no_slot_and_the_job_goes_on_when_people_decide(scene: Scene, approve: bool) -> None:
    ran: list[str] = []

    def draft() -> None:
        ran.append("draft")

    @scene.app.job("publish")
    async def publish(ctx: jt.Context) -> str:
        await ctx.step("draft", draft)
        decision = await ctx.gate("publish?", expires="2d")
        return f"by {decision.by[0]}"

    @scene.app.job("other")
    async def other() -> str:
        return "ran"

    handle = publish.enqueue()
    with scene.work(slots=1):
        assert scene.until(handle, "PENDING").wait_reason == "GATE"
        assert other.enqueue().result(timeout=60) == "ran"
        assert "publish?" in why.sentence(scene.client.facts(handle.id))
        scene.client.decide(scene.gate(handle), approve=approve, comment="so be it")
        job = scene.ends(handle)
    assert ran == ["draft"]
    assert (job.status, job.failure_count) == ("COMPLETED" if approve else "CANCELLED", 0)
    if not approve:
        assert job.cancel_reason is not None and "so be it" in job.cancel_reason


def test_a_gate_that_nobody_decides_expires(scene: Scene) -> None:
    @scene.app.job("asks")
    def asks(ctx: jt.SyncContext) -> bool:
        return ctx.gate("now?", expires="300ms", must=False).expired

    handle = asks.enqueue()
    with scene.work():
        assert handle.result(timeout=60) is True
    assert "gate.expired" in scene.told(handle)


def test_a_snoozed_job_uses_no_try(scene: Scene) -> None:
    @scene.app.job("later", retry=1)
    async def later(ctx: jt.Context) -> int:
        if ctx.attempt < 3:
            raise jt.Snooze("20ms", "not yet")
        return ctx.attempt

    handle = later.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == 3
    assert handle.job().failure_count == 0
    assert scene.told(handle).count("job.snoozed") == 2


def test_unknown_types_wait_and_why_says_so(scene: Scene) -> None:
    elsewhere = jt.App(scene.database.app_url)
    elsewhere.connect(scene.client)

    @elsewhere.job("elsewhere")
    def there() -> str:
        return "there"

    @scene.app.job("here")
    def here() -> str:
        return "here"

    strange = there.enqueue()
    with scene.work():
        assert here.enqueue().result(timeout=60) == "here"
        assert strange.job().status == "QUEUED"
        assert "none knows its type elsewhere" in why.sentence(scene.client.facts(strange.id))
        scene.app.runners["elsewhere"] = elsewhere.runners["elsewhere"]
        with scene.work():
            assert strange.result(timeout=60) == "there"


def test_input_that_does_not_fit_is_refused_at_the_door(scene: Scene) -> None:
    @scene.app.job("typed")
    def typed(n: int, parts: list[Part], report: Report) -> None: ...

    with pytest.raises(Invalid) as wrong:
        typed.enqueue(n="many", parts=[], report=Report(rows=1))  # type: ignore[arg-type]
    assert wrong.value.fields == {"input.n": "Expected `int`, got `str`"}
    with pytest.raises(Invalid, match="missing required field `parts`"):
        typed.enqueue(n=1)  # type: ignore[call-arg]
    with pytest.raises(Invalid, match="extra"):
        typed.enqueue(n=1, parts=[], report=Report(rows=1), extra=1)  # type: ignore[call-arg]
    assert scene.client.list_jobs() == []


def test_input_that_was_forced_in_fails_the_job_clearly_and_finally(scene: Scene) -> None:
    @scene.app.job("typed", retry=5)
    def typed(n: int) -> int:
        return n

    job = typed.new(n=1)._replace(input=b'{"n": "many"}')
    handle: Handle[Any] = Handle(scene.client.enqueue_all([job]).ids[0], False, scene.app, Any)
    with scene.work():
        ended = scene.ends(handle)
    assert (ended.status, ended.error_code, ended.failure_count) == ("FAILED", "invalid", 1)
    assert ended.error_message == "the input does not fit typed: input.n: Expected `int`, got `str`"


def test_sync_code_has_the_whole_context_in_its_thread(scene: Scene) -> None:
    @scene.app.job("sync")
    def sync(ctx: jt.SyncContext, folder: str) -> dict[str, Any]:
        with ctx.phase("SETUP"):
            size = ctx.step("measure", len, "abc")
        ctx.progress(40, "halfway")
        asset = ctx.asset("a.txt", b"content")
        ctx.usage(jt.ModelCall(provider="p", model="m", output_tokens=2))
        ctx.metric("score", 0.5)
        in_thread = threading.current_thread() is not threading.main_thread()
        return {"size": size, "asset": asset.byte_size, "in_thread": in_thread, "cancelled": ctx.cancelled}

    handle = sync.enqueue(folder="x")
    with scene.work():
        assert handle.result(timeout=60) == {"size": 3, "asset": 7, "in_thread": True, "cancelled": False}
    assert [(step.name, step.phase) for step in scene.client.steps(handle.id)] == [("measure", "SETUP")]
