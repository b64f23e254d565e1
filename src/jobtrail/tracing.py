"""Spans that reach from who enqueues a job to who runs it: the trace goes along with the job, in its row.

Without an OpenTelemetry SDK nothing is recorded, and a job carries no trace.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, ProxyTracerProvider, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from jobtrail.core.model import Claimed

_CONTEXT: Final = TraceContextTextMapPropagator()
_NOTHING: Final = nullcontext(INVALID_SPAN)


def current() -> str | None:
    """The span that runs now, as W3C Trace Context writes it; None where nothing is traced."""
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    carried: dict[str, str] = {}
    _CONTEXT.inject(carried)
    return carried.get("traceparent")


def is_on() -> bool:
    """Whether somebody records spans. Where nobody does, jobs are not to pay for it."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def attempt(claimed: Claimed) -> AbstractContextManager[Span]:
    """The span of an attempt, a child of the one in which its job was accepted. What the code does stands below it."""
    if not is_on():
        return _NOTHING
    carried = {} if claimed.traceparent is None else {"traceparent": claimed.traceparent}
    attributes: dict[str, str | int] = {
        "jobtrail.workspace_id": str(claimed.workspace_id),
        "jobtrail.job_id": str(claimed.job_id),
        "jobtrail.attempt_id": str(claimed.attempt_id),
        "jobtrail.attempt_number": claimed.number,
        "jobtrail.type": claimed.type,
    }
    tracer = trace.get_tracer("jobtrail.worker")
    return tracer.start_as_current_span(
        f"attempt {claimed.type}",
        _CONTEXT.extract(carried),
        SpanKind(4),  # of whoever takes from a queue what another put there
        attributes,
        record_exception=False,
        set_status_on_exception=False,
    )


def failed(code: str, message: str) -> None:
    """Says of the span that runs now that what it stands for failed."""
    span = trace.get_current_span()
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, message))


class StepSpans:
    """The spans of the steps of one attempt, from their beginning to their end."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[UUID, Span] = {}

    def begin(self, step_id: UUID, name: str, phase: str) -> None:
        """A step begins. It may run beside others, so it is not the current span."""
        if not is_on():
            return
        attributes = {"jobtrail.step_id": str(step_id), "jobtrail.phase": phase}
        self._open[step_id] = trace.get_tracer("jobtrail.worker").start_span(f"step {name}", attributes=attributes)

    def end(self, step_id: UUID, error: str | None) -> None:
        """A step ends."""
        span = self._open.pop(step_id, None)
        if span is None:
            return
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end()

    def end_all(self) -> None:
        """What has not ended when its attempt ends will not."""
        for step_id in list(self._open):
            self.end(step_id, "it did not end")
