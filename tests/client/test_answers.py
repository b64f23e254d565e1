"""What an answer means, and what is sent again: without a server, for here nothing is sent."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec
import pytest
from starlette.responses import Response

from jobtrail.client.answers import BY_CODE, Answer, Lost, error_of, sending
from jobtrail.client.talk import Ask, Pause, Reading, Watched
from jobtrail.core import errors
from jobtrail.core.errors import Invalid, JobtrailError, Misconfigured, NotFound, TooOften, TooSlow, Unavailable
from jobtrail.web import problem

EVERY = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, JobtrailError)]
LONG = 1_000.0

once: Ask[Any] = Ask(method="POST", path="/x", read=msgspec.json.decode)
again: Ask[Any] = Ask(method="GET", path="/x", read=msgspec.json.decode, again=True)
fine = Answer(200, {}, b'{"a": 1}')


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [one.code for one in EVERY]
    assert sorted(codes) == sorted(set(codes))
    assert dict(BY_CODE) == {one.code: one for one in EVERY}


@pytest.mark.parametrize("kind", [one for one in EVERY if one is not JobtrailError], ids=lambda kind: kind.code)
def test_every_error_comes_back_as_itself(kind: type[JobtrailError]) -> None:
    sent = TooOften("too much", 7.0) if kind is TooOften else kind("what happened", fields={"a.b": "wrong"})
    told = error_of(answer_of(problem.of_error(sent, instance="/x", request_id="r1")))
    assert (type(told), told.message, told.fields) == (kind, sent.message, sent.fields)
    assert getattr(told, "retry_after", 7.0) == 7.0


def answer_of(response: Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), bytes(response.body))


def problem_of(status: int, code: str) -> Answer:
    return Answer(status, {}, json.dumps({"code": code, "detail": "d", "request_id": "r1"}).encode())


def test_an_error_of_a_newer_server_is_one_of_its_family() -> None:
    for status, kind in ((422, Invalid), (404, NotFound), (403, errors.Denied), (409, errors.Conflict)):
        assert type(error_of(problem_of(status, "newer"))) is kind
    assert type(error_of(problem_of(500, "unexpected"))) is JobtrailError
    assert "r1" in error_of(problem_of(500, "unexpected")).message
    assert type(error_of(problem_of(404, "no_such_route"))) is Misconfigured


def test_who_is_no_jobtrail_server_is_told_so() -> None:
    assert type(error_of(Answer(502, {}, b"<html>bad gateway"))) is Unavailable
    assert type(error_of(Answer(404, {}, b"<html>not found"))) is Misconfigured
    assert type(error_of(Answer(401, {}, b"who are you?"))) is errors.Unauthenticated
    moved = error_of(Answer(301, {"location": "https://elsewhere.example/"}, b""))
    assert type(moved) is Misconfigured and "https://elsewhere.example/" in moved.message
    with pytest.raises(Misconfigured, match="is it a Jobtrail server"):
        play(again, [Answer(200, {}, b"<html>")])


def play(ask: Ask[Any], script: list[Answer | Lost], patience: float = LONG) -> tuple[Any, list[float]]:
    """Plays answers to a request; answers its value, and how long it waited between them."""
    course, pauses, answers = sending(ask, patience), [], iter(script)
    wanted = next(course)
    try:
        while True:
            if isinstance(wanted, Pause):
                pauses.append(wanted.seconds)
                wanted = course.send(None)
            else:
                assert wanted is ask
                wanted = course.send(next(answers))
    except StopIteration as done:
        assert not list(answers), "it was not sent so often"
        return done.value, pauses


def test_what_may_have_been_done_is_sent_again_only_where_that_is_harmless() -> None:
    cut = Lost("cut off", sent=True)
    assert play(again, [cut, cut, fine])[0] == {"a": 1}
    with pytest.raises(Unavailable, match="cut off"):
        play(once, [cut])
    with pytest.raises(Unavailable):
        play(once, [problem_of(503, "unavailable")])
    assert play(again, [problem_of(503, "unavailable"), fine])[0] == {"a": 1}


def test_what_did_not_arrive_or_was_refused_unread_is_always_sent_again() -> None:
    too_often = Answer(429, {}, problem_of(429, "too_often").body)
    assert play(once, [Lost("no way there", sent=False), too_often, fine])[0] == {"a": 1}


def test_what_will_not_get_better_is_told_at_once() -> None:
    for answer, kind in (
        (problem_of(422, "invalid"), Invalid),
        (problem_of(503, "too_slow"), TooSlow),
        (problem_of(503, "stale_schema"), errors.StaleSchema),
    ):
        with pytest.raises(kind):
            play(again, [answer])


def test_the_server_says_how_long_to_wait_and_patience_ends() -> None:
    busy = Answer(503, {"retry-after": "7"}, problem_of(503, "unavailable").body)
    _, pauses = play(again, [busy, busy, fine])
    assert pauses == [7.0, 7.0]
    with pytest.raises(Unavailable):
        play(again, [busy], patience=5.0)
    odd = Answer(503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, busy.body)
    assert play(again, [odd, fine])[1][0] < 1
    _, waits = play(again, [Lost("away", sent=False)] * 12 + [fine])
    assert waits[0] < 0.2 and 2.0 < waits[-1] <= 5.0


def test_a_stream_counts_what_was_told_whole() -> None:
    assert read("retry: 3000", "", "id: 4", "event: job.started", "data: {}", "", "id: 5") == (
        Watched("4", False),
        False,
    )
    whole = read("id: 5", "event: job.completed", "data: {}", "", "event: stream.complete", "data: {}", "")
    assert whole == (Watched("5", True), True)
    assert read(": keep-alive", "", "event: closed", "data: {}", "") == (Watched("3", False), True)


def read(*lines: str) -> tuple[Watched, bool]:
    reading = Reading("3")
    over = [reading.ends_with(line) for line in lines]
    return reading.watched(), over[-1]
