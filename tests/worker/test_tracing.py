"""A trace reaches from whoever enqueues, through HTTP, to the attempt that runs the job and to its steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from database import Database
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from serving import served
from worker.at_work import scene as make_scene
from worker.at_work import wait_until

import jobtrail as jt


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Every span that ends."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield kept
    provider.shutdown()


def the(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    """The span of this name, as soon as it has ended."""
    wait_until(lambda: any(span.name == name for span in spans.get_finished_spans()), f"span {name!r} ends")
    return next(span for span in spans.get_finished_spans() if span.name == name)


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def works(ctx: jt.Context, name: str) -> None:
    await ctx.step("first", str.upper, name)
    with trace.get_tracer("mine").start_as_current_span("inside"):
        if name == "bad":
            raise ValueError(name)


def test_one_trace_from_the_request_to_the_step(
    database: Database, tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    with make_scene(database, tmp_path) as scene, served(database, tmp_path) as web:
        scene.app.job("works")(works)
        sent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        made = web.client().post("/api/v1/jobs", json={"type": "works", "input": {"name": "n"}}, headers=sent)
        with scene.work():
            assert scene.client.wait(UUID(made.json()["id"])).job.status == "COMPLETED"
            request, attempt = the(spans, "POST /api/v1/jobs"), the(spans, "attempt works")
            step, inside = the(spans, "step first"), the(spans, "inside")
        traces = {span.context.trace_id for span in (request, attempt, step, inside) if span.context}
        assert traces == {0x0AF7651916CD43DD8448EB211C80319C}
        assert parent_of(attempt) == id_of(request)
        assert parent_of(step) == parent_of(inside) == id_of(attempt)
        (job_id,) = (job.id for job in scene.client.list_jobs())
        assert attempt.attributes is not None
        assert attempt.attributes["jobtrail.job_id"] == str(job_id)


def test_an_attempt_that_fails_says_so(database: Database, tmp_path: Path, spans: InMemorySpanExporter) -> None:
    with make_scene(database, tmp_path) as scene:
        call = scene.app.job("works", retry=1)(works)
        handle = call.enqueue(name="bad")
        with scene.work():
            scene.ends(handle)
            attempt = the(spans, "attempt works")
    assert attempt.attributes is not None
    assert (attempt.status.status_code.name, attempt.attributes["error.type"]) == ("ERROR", "ValueError")


def test_without_a_recorder_a_job_carries_no_trace(database: Database, tmp_path: Path) -> None:
    with make_scene(database, tmp_path) as scene:
        scene.app.job("works")(works).enqueue(name="n")
        with database.connect() as conn:
            assert conn.execute("select traceparent from jobtrail.jobs").fetchall() == [(None,)]
