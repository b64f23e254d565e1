"""What an event says, in one line: what people look for comes first, digests and ids stay out."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jobtrail.core.model import Event
from jobtrail.core.said import line_of, person

NOBODY = UUID(int=1)


def event(type: str, payload: object) -> Event:
    return Event(NOBODY, 1, type, "RUNNING", None, None, "worker", "w", payload, datetime(2026, 1, 1, tzinfo=UTC), b"")


@pytest.mark.parametrize(
    ("type", "payload", "line"),
    [
        ("step.started", {"step": "fetch", "key": "fetch", "phase": "SETUP"}, "fetch"),
        ("step.completed", {"step": "fetch", "duration_ms": 1_500, "output_sha256": "ab"}, "fetch · 1.5 s"),
        ("step.failed", {"step": "fetch", "error": "no\nanswer", "duration_ms": 20}, "fetch · no answer · 20 ms"),
        ("job.progress", {"progress": 40.4, "stage": "encoding"}, "encoding · 40 %"),
        (
            "gate.requested",
            {"gate_id": "x", "question": "Publish?", "wait_reason": "GATE"},
            "Publish? · waits for a decision",
        ),
        ("gate.approved", {"gate_id": "x", "comment": "fine", "form": {"preset": "fast"}}, "fine · preset: fast"),
        (
            "artifact.created",
            {"asset_id": "x", "name": "page.pdf", "byte_size": 2_048, "sha256": "ab"},
            "page.pdf · 2.0 KiB",
        ),
        ("job.updated", {"priority": 8, "tags": ["a", "b"]}, "priority: 8 · tags: a, b"),
        ("job.started", None, ""),
        ("job.started", "no object", ""),
    ],
)
def test_an_event_is_one_line(type: str, payload: object, line: str) -> None:
    assert line_of(event(type, payload)) == line


def test_a_long_note_is_cut_and_stays_on_its_line() -> None:
    line = line_of(event("job.failed", {"error_message": "x\x1b[31m\n" * 9_000, "more": list(range(9_000))}))
    assert len(line) <= 300 and line.isprintable()


def test_a_key_is_called_by_the_end_of_its_id_and_everybody_else_by_name() -> None:
    assert person("api_key", "01a20261-9f33-704d-a07a-f5b96155a9e2") == "key 6155a9e2"
    assert (person("user", "ana@example.org"), person("system", None)) == ("ana@example.org", "system")
