"""What is made of the states of a render and of the answers of its server, whatever they are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import nexrender
from jobtrail.core.errors import Invalid, Unavailable
from jobtrail.core.nexrender import STATES
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules
from jobtrail.runners.nexrender import output, spec, track, wire
from jobtrail.runners.nexrender.track import PARTS, Track
from jobtrail.runners.nexrender.wire import Summary

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SUMMARIES = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from([*STATES, "odd"]) | ANY,
        **dict.fromkeys(("renderProgress", "error", "updatedAt", "startedAt", "timings", "jobExecutor"), ANY),
    },
)


@given(SUMMARIES | ANY)
def test_no_answer_of_a_server_breaks_the_reader(said: Any) -> None:
    body = json.dumps(said).encode("utf-8", "surrogatepass")
    found = wire.summary(body)
    if found is not None:
        seen = track.look(Track(), found, 0.0)
        assert 0 <= seen.track.percent <= 100
        for part in PARTS:
            track.span_of(part, found)


@pytest.mark.parametrize("deep", [900, 100_000])
def test_an_answer_that_is_too_deep_or_too_large_does_not_break_the_reader(deep: int) -> None:
    nested = b"[" * deep + b'"x"' + b"]" * deep
    wire.summary(nested)
    found = wire.summary(b'{"state": "error", "error": ' + nested + b"}")
    assert found is None or found.error
    assert wire.summary(b'{"state": "x", "renderProgress": 1' + b"0" * 400 + b"}") == Summary("x", 100.0)


@pytest.mark.parametrize(("status", "error"), [(400, wire.Refused), (413, wire.Refused), (429, Unavailable),
                                               (408, Unavailable), (502, Unavailable)])  # fmt: skip
def test_a_server_that_is_asked_too_often_has_not_refused_the_document(status: int, error: type[Exception]) -> None:
    async def send(request: Request, _: Rules) -> Answer:
        return Answer(status, (), b"", False, request.url)

    server = wire.Server("https://render.example.org", Rules(), send=send)
    with pytest.raises(error):
        asyncio.run(server.hand_in({}))


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    wire.summary(body)
    output.media_type(body)


@given(st.lists(st.tuples(st.sampled_from([*STATES, "odd"]), st.floats(0, 100), st.integers(0, 3)), max_size=12))
def test_steps_begin_and_end_in_their_order_whatever_the_states(looks: list[tuple[str, float, int]]) -> None:
    """A server takes any state after any other."""
    now, open_part = Track(), None
    for number, (state, progress, changed) in enumerate(looks):
        seen = track.look(now, Summary(state, progress, updated_at=str(changed)), float(number))
        if seen.put_back:
            open_part = PARTS[0]
        if seen.left and open_part is not None:
            assert seen.left[0] == open_part
        assert list(seen.left) == sorted(seen.left, key=PARTS.index)
        if seen.entered is not None:
            open_part = seen.entered
        now = seen.track
        assert -1 <= now.at <= len(PARTS)


def test_a_stall_is_no_change_of_state_progress_and_time() -> None:
    at = Summary("render:dorender", 10.0, updated_at="1")
    followed = track.look(Track(), at, 0.0).track
    followed = track.look(followed, at, 50.0).track
    assert track.stalled(followed, 60.0, 60.0)
    assert not track.stalled(followed, 59.0, 60.0)
    for moved in (Summary("render:dorender", 11.0, updated_at="1"), Summary("render:dorender", 10.0, updated_at="2")):
        assert not track.stalled(track.look(followed, moved, 50.0).track, 60.0, 60.0)


@pytest.mark.parametrize(
    ("state", "can_stall"),
    [("queued", False), ("created", False), ("picked", True), ("odd", True), ("finished", False)],
)
def test_what_can_stall(state: str, can_stall: bool) -> None:
    followed = track.look(Track(), Summary(state), 0.0).track
    assert track.stalled(followed, 1e6, 60.0) is can_stall


def test_every_known_state_has_its_percent_and_they_only_grow() -> None:
    percents = [track.percent_of(Summary(state), -1) for state in STATES if state != "error"]
    assert percents == sorted(percents)
    assert -1 not in percents
    assert track.percent_of(Summary("render:dorender", 100.0), 0) == 90


def test_seconds_come_from_what_the_node_noted() -> None:
    timings = {"render:setup": 1_000.0, "render:dorender": 3_000.0, "render:postrender": 9_500.0}
    found = Summary(
        "finished", started_at="1970-01-01T00:00:00.500Z", finished_at="1970-01-01T00:00:10Z", timings=timings
    )
    spans = {part.key: track.span_of(part, found).seconds for part in PARTS}
    assert spans == {"wait": None, "download": 2.0, "render": 6.5, "postrender": 0.5, "cleanup": None}
    assert track.whole_span(found).seconds == 9.5
    assert track.whole_span(Summary("finished")).seconds is None


def test_times_that_cannot_be_true_are_no_seconds() -> None:
    found = Summary("finished", timings={"render:dorender": 9_000.0}, finished_at="1970-01-01T00:00:01Z")
    assert track.span_of(PARTS[2], found).seconds is None


# Documents


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "template"),
        ({"template": {"src": "x"}}, "template.composition"),
        ({"template": {"src": "x", "composition": "c", "frameStart": "1"}}, "template.frameStart"),
        ({"template": {"src": "x", "composition": "c", "continueOnMissing": "); evil("}}, "template.continueOnMissing"),
        ({"assets": {}}, "assets"),
        ({"assets": [{"type": "picture", "src": "x"}]}, "assets[0].type"),
        ({"assets": [{"src": "x"}]}, "assets[0].type"),
        ({"assets": [{"type": [], "src": "x"}]}, "assets[0].type"),
        ({"assets": ["x"]}, "assets[0]"),
        ({"assets": [{"type": "image", "src": "x"}]}, "assets[0]"),
        ({"assets": [{"type": "image", "src": "x", "layerIndex": "1); evil("}]}, "assets[0].layerIndex"),
        ({"assets": [{"type": "static"}]}, "assets[0].src"),
        ({"assets": [{"type": "data", "property": "p", "layerName": "l"}]}, "assets[0]"),
        ({"assets": [{"type": "static", "src": "a"}, {"type": "script"}]}, "assets[1].src"),
        ({"actions": {"later": []}}, "actions.later"),
        ({"actions": {"postrender": [{"input": "x"}]}}, "actions.postrender[0].module"),
        ({"tags": 3}, "tags"),
        ({"priority": "high"}, "priority"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_document_is_told_by_its_path(document: dict[str, Any], path: str) -> None:
    whole = {"template": {"src": "x", "composition": "c"}, **document} if document else {}
    with pytest.raises(Invalid) as caught:
        nexrender.read(whole, "document")
    assert set(caught.value.fields) == {f"document.{path}"}


def test_all_mistakes_are_told_at_once() -> None:
    input = {"document": {"template": {"src": ""}, "assets": [{"type": "x"}]}, "stall_after": "soon", "poll": 3}
    with pytest.raises(Invalid) as caught:
        spec.parse(input)
    assert set(caught.value.fields) == {
        "document.template.src", "document.template.composition", "document.assets[0].type", "stall_after", "poll",
    }  # fmt: skip


def test_no_setting_of_ours_is_sent_as_a_secret() -> None:
    with pytest.raises(Invalid) as caught:
        spec.parse({"document": {"template": {"src": "x", "composition": "c"}}, "secret": {"env": "JOBTRAIL_API_KEY"}})
    assert set(caught.value.fields) == {"secret.env"}


@given(ANY)
def test_no_input_breaks_the_reader(input: Any) -> None:
    for one in (input, {"document": input}, {"document": {"template": input, "assets": input, "actions": input}}):
        with pytest.raises(Invalid):
            spec.parse(one)


def test_the_schema_takes_what_the_reader_takes() -> None:
    schema = spec.schema()
    assert schema["$defs"]["NexrenderSpec"]["required"] == ["document"]
    assert {"Image", "Audio", "Video", "Data", "Script", "Static", "Template"} <= schema["$defs"].keys()
    assert schema["$defs"]["Image"]["properties"]["layerIndex"]
