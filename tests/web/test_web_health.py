"""How the service is looked after: health, readiness, meters, spans, the lines of its log."""

from __future__ import annotations

import logging
import subprocess

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from serving import Served
from worker.at_work import wait_until


def test_alive_and_ready(web: Served) -> None:
    http = web.client("")
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/ready").json() == {"status": "ok"}
    web.server.web.runtime.hang_up()
    assert http.get("/ready").status_code == 503
    assert http.get("/health").status_code == 200


def test_prometheus_own_tool_finds_nothing_wrong_with_the_meters(web: Served, http: httpx2.Client) -> None:
    http.post("/api/v1/jobs", json={"type": "a"})
    http.get("/api/v1/nowhere")
    answer = web.client("").get("/metrics")
    assert answer.status_code == 200
    assert "jobtrail_jobs_ready 1.0" in answer.text
    assert "jobtrail_stream_dropped_total 0.0" in answer.text
    assert 'route="/api/v1/jobs",status="201"' in answer.text
    checked = subprocess.run(["promtool", "check", "metrics"], input=answer.content, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_line_of_the_log_tells_a_request_and_cannot_be_forged(
    web: Served, http: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "jobtrail.request")
    answer = http.get("/api/v1/queues", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    forged = http.get("/api/v1/a%0Ab%1b[31m", headers={"X-Request-Id": "no good"})
    assert forged.headers["x-request-id"] not in ("", "no good")
    wait_until(lambda: len(_requests(caplog)) == 2, "both lines are written")
    first, second = _requests(caplog)
    assert first.fields["status"] == 200  # type: ignore[attr-defined]
    assert first.fields["route"] == "/api/v1/queues"  # type: ignore[attr-defined]
    assert first.fields["actor"].startswith("api_key:")  # type: ignore[attr-defined]
    assert "\n" not in second.getMessage()
    assert "\x1b" not in second.getMessage()


def _requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "jobtrail.request"]


def test_a_request_is_a_span_of_the_trace_that_it_came_with(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch, web: Served
) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    http.get("/api/v1/queues", headers={"traceparent": parent})
    wait_until(lambda: len(kept.get_finished_spans()) == 1, "the span ends")
    (span,) = kept.get_finished_spans()
    assert span.name == "GET /api/v1/queues"
    assert span.context is not None
    assert format(span.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200


def test_only_parts_of_pages_are_left_out_of_the_log(http: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    """The header by which a page asks for its parts hides nothing that is done over the API."""
    caplog.set_level(logging.INFO, "jobtrail.request")
    header = {"Jobtrail-Region": "nav"}
    http.post("/api/v1/queues/hidden/pause", json={}, headers=header)
    assert http.get("/w/default/jobs", headers=header).status_code == 200
    http.get("/w/default/jobs")
    wait_until(lambda: len(_requests(caplog)) == 2, "both lines are written")
    paths = [record.fields["path"] for record in _requests(caplog)]  # type: ignore[attr-defined]
    assert paths == ["/api/v1/queues/hidden/pause", "/w/default/jobs"]
