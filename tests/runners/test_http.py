"""The runner `http` at a desk in memory, with a caller that answers as the test says: what is sent, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from runners.desk import FakeDesk, Memory

from jobtrail.core.errors import Denied, Invalid, Misconfigured, Unavailable
from jobtrail.core.model import Actor
from jobtrail.core.outcome import Done, Fail, Outcome, Wait
from jobtrail.core.status import ActorType, WaitReason
from jobtrail.outgoing import guard
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules
from jobtrail.runners.context import Context
from jobtrail.runners.http import HttpRunner
from jobtrail.runners.protocol import Assignment, Signal

NOW = 1_800_000_000.0
ADDRESS = "https://jobs.example.org/api/v1/callbacks/cb_x"
JSON = (("content-type", "application/json"),)


class Post:
    """What a worker would give; `asked` are the callbacks that were opened."""

    rules = guard.rules(["intern.example:9000"])

    def __init__(self, public_url: str | None = "https://jobs.example.org") -> None:
        self.public_url = public_url
        self.asked: list[tuple[str, timedelta]] = []

    async def callback(self, assignment: Assignment, name: str, expires: timedelta) -> str | None:
        if self.public_url is None:
            raise Misconfigured("set JOBTRAIL_PUBLIC_URL")
        self.asked.append((name, expires))
        return ADDRESS


class Bench:
    """One job, its runner, and what was sent. `answers` are given in turn; an exception is raised."""

    def __init__(self, folder: Path, *answers: Answer | Exception, policy: Any = None, **input: Any) -> None:
        self.input = {"url": "https://example.org/x", **input}
        self.answers, self.sent = list(answers), list[Request]()
        self.redirects: list[int] = []
        self.rules: list[Rules] = []
        self.now, self.post = NOW, Post()
        self.memory, self.number = Memory(), 0
        self.folder, self.policy = folder, policy or {}
        self.generation = 1

    def context(self) -> Context:
        self.number += 1
        desk = FakeDesk(self.folder, self.memory, {"TOKEN": "hunter2-hunter2"})
        desk.allowed = self.policy
        self.desk = desk
        given = Assignment(
            self.memory.job_id, uuid4(), uuid4(), "http", self.number, self.generation, json.dumps(self.input)
        )
        return Context(given, desk)

    def runner(self) -> HttpRunner:
        async def send(request: Request, rules: Rules) -> Answer:
            self.sent.append(request)
            self.rules.append(rules)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        runner = HttpRunner(send=send, now=lambda: self.now)
        runner.carry(self.post)
        return runner

    def run(self) -> Outcome:
        return asyncio.run(self.runner().run(self.context()))

    def check(self) -> dict[str, str]:
        return dict(asyncio.run(self.runner().check(self.context())))

    def headers(self) -> dict[str, str]:
        return dict(self.sent[-1].headers)


def answer(status: int = 200, body: bytes = b"{}", *headers: tuple[str, str], cut: bool = False) -> Answer:
    return Answer(status, headers or JSON, body, cut, "https://example.org/x")


def output(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.output, dict)
    return outcome.output


def failed(outcome: Outcome) -> Fail:
    assert isinstance(outcome, Fail), outcome
    return outcome


def test_what_was_asked_for_is_sent_and_the_answer_kept(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, answer(201, b'{"id": 7}', *JSON, ("x-more", "1"), ("set-cookie", "s=1")),
        method="POST", query={"a": [1, 2], "b": True}, json={"n": 1},
        headers={"Authorization": {"env": "TOKEN"}, "X-Plain": "y"},
    )  # fmt: skip
    made = output(bench.run())
    sent = bench.sent[0]
    assert (sent.method, sent.url, sent.body) == ("POST", "https://example.org/x?a=1&a=2&b=true", b'{"n":1}')
    headers = bench.headers()
    assert headers["Authorization"] == "hunter2-hunter2" and headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == str(bench.memory.job_id)
    assert made == {"status": 201, "headers": {"content-type": "application/json", "x-more": "1"}, "json": {"id": 7}}


def test_a_read_carries_no_idempotency_key_unless_it_is_given(tmp_path: Path) -> None:
    bench = Bench(tmp_path, answer())
    bench.run()
    assert "idempotency-key" not in bench.headers()
    bench = Bench(tmp_path, answer(), idempotency_key="k1")
    bench.run()
    assert bench.headers()["idempotency-key"] == "k1"


@pytest.mark.parametrize(
    ("status", "final", "wait"),
    [(404, True, None), (400, True, None), (301, True, None), (408, False, None), (425, False, None),
     (429, False, timedelta(seconds=7)), (500, False, timedelta(seconds=7)), (503, False, timedelta(seconds=7))],
)  # fmt: skip
def test_what_may_pass_is_tried_again_when_the_other_side_says(
    tmp_path: Path, status: int, final: bool, wait: timedelta | None
) -> None:
    after = (("retry-after", "7"),) if wait else JSON
    ended = failed(Bench(tmp_path, answer(status, b"why", *after)).run())
    assert (ended.code, ended.final, ended.retry_in) == ("http_status", final, wait)
    assert f"answered {status}: why" in ended.message


def test_only_the_statuses_that_are_expected_are_a_success(tmp_path: Path) -> None:
    assert output(Bench(tmp_path, answer(404), expect=[404]).run())["status"] == 404
    assert failed(Bench(tmp_path, answer(200), expect=[404]).run()).code == "http_status"


def late() -> Exception:
    error = Unavailable("example.org did not answer within 30 s")
    error.__cause__ = TimeoutError()
    return error


@pytest.mark.parametrize(
    ("error", "code", "final"),
    [(Denied("private"), "refused_address", True), (Invalid("bad"), "invalid", True),
     (Unavailable("no route"), "unreachable", False), (late(), "timeout", False)],
)  # fmt: skip
def test_every_way_not_to_be_answered_has_its_code(tmp_path: Path, error: Exception, code: str, final: bool) -> None:
    ended = failed(Bench(tmp_path, error).run())
    assert (ended.code, ended.final) == (code, final)


def test_an_answer_that_is_too_long_is_no_answer(tmp_path: Path) -> None:
    assert failed(Bench(tmp_path, answer(cut=True)).run()).code == "too_large"


def test_text_is_text_and_broken_json_too(tmp_path: Path) -> None:
    assert output(Bench(tmp_path, answer(200, b"hi", ("content-type", "text/plain"))).run())["text"] == "hi"
    bench = Bench(tmp_path, answer(200, b'{"a":'))
    assert output(bench.run())["text"] == '{"a":'
    assert any("no JSON" in line for line in bench.desk.printed())


@pytest.mark.parametrize(
    "input",
    [{"url": "ftp://x"}, {"url": "x"}, {"method": "TRACE"}, {"timeout": "0s"}, {"timeout": "2h"}, {"expect": [99]},
     {"headers": {"a b": "c"}}, {"headers": {"Host": "x"}}, {"headers": {"A": {"env": "JOBTRAIL_DATABASE_URL"}}},
     {"headers": {"A": {"name": "T"}}}, {"body": "a", "json": 1}, {"callback": {"timeout": "31d"}}, {"nonsense": 1},
     {"max_response_bytes": 0}, {"follow_redirects": 4}],
)  # fmt: skip
def test_what_is_no_call_is_told_at_the_door_and_again_at_the_start(tmp_path: Path, input: dict[str, Any]) -> None:
    bench = Bench(tmp_path, **input)
    faults = HttpRunner().validate(bench.input)
    assert re.split(r"[.[]", next(iter(faults)))[0] in input
    ended = failed(bench.run())
    assert (ended.code, ended.final, bench.sent) == ("invalid", True, [])


def test_addresses_of_our_own_network_are_refused_before_and_while_it_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, url="http://127.0.0.1:8787/")
    assert "url" in bench.check()
    assert failed(bench.run()).code == "refused_address"
    assert bench.sent == []
    assert output(Bench(tmp_path, answer(), url="http://intern.example:9000/").run())["status"] == 200


def test_a_workspace_narrows_to_whom_its_jobs_speak_and_opens_nothing(tmp_path: Path) -> None:
    policy = {"http": {"hosts": ["api.example.org", "*.example.net", "10.0.0.1"], "secrets": []}}
    for url, calls in (("https://api.example.org/", True), ("https://a.example.net/", True), ("https://example.org/", False),
                       ("http://10.0.0.1/", False)):  # fmt: skip
        bench = Bench(tmp_path, answer(), url=url, policy=policy, follow_redirects=3)
        outcome = bench.run()
        assert bool(bench.sent) is calls
        assert isinstance(outcome, Done) if calls else failed(outcome).code == "refused_address"
        assert all(request.redirects == 0 for request in bench.sent), "nobody listed where it leads"
    bench = Bench(tmp_path, url="https://api.example.org/", policy=policy, headers={"A": {"env": "TOKEN"}})
    assert "headers" in bench.check() and failed(bench.run()).code == "misconfigured"


@pytest.mark.parametrize("secrets", ["TOKEN", {}, False, {"TOKEN": True}])
def test_a_list_of_secrets_that_is_none_opens_nothing(tmp_path: Path, secrets: Any) -> None:
    bench = Bench(tmp_path, answer(), policy={"http": {"secrets": secrets}}, headers={"A": {"env": "TOKEN"}})
    assert "headers" in bench.check() and failed(bench.run()).code == "misconfigured"
    assert bench.sent == []


@pytest.mark.parametrize("value", ["1" * 30, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
                                   "Mon, 01 Jan 2020 00:00:00 +999999999999999999999"])  # fmt: skip
def test_a_time_to_wait_that_is_none_is_no_reason_to_break(tmp_path: Path, value: str) -> None:
    ended = failed(Bench(tmp_path, answer(503, b"", ("retry-after", value))).run())
    assert (ended.code, ended.final) == ("http_status", False)


def test_a_media_type_without_end_is_cut(tmp_path: Path) -> None:
    made = output(Bench(tmp_path, answer(200, b"\xff\x00", ("content-type", "a/" + "b" * 60_000))).run())
    assert len(made["asset"]["media_type"]) <= 255
    assert bool(made["asset"]["name"])


def test_who_echoes_the_address_of_a_callback_tells_nobody(tmp_path: Path) -> None:
    echo = answer(202, json.dumps({"got": ADDRESS}).encode(), *JSON, ("x-echo", f"<{ADDRESS}>"))
    bench = asks_back(tmp_path, echo)
    bench.run()
    later(bench, {"body": 1})
    made = output(bench.run())
    assert (made["json"], made["headers"]["x-echo"]) == ({"got": "{callback_url}"}, "<{callback_url}>")
    refused = failed(asks_back(tmp_path, answer(500, f"cannot call {ADDRESS}".encode())).run())
    assert "cb_x" not in refused.message


def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, headers={"A": {"env": "MISSING"}})
    assert "MISSING" in bench.check()["headers"]
    assert failed(bench.run()).code == "misconfigured"


def later(bench: Bench, payload: Any) -> None:
    bench.memory.signals["callback"] = Signal(payload, Actor(ActorType.SYSTEM, "callback"), datetime.now(UTC))


def asks_back(tmp_path: Path, *answers: Answer) -> Bench:
    return Bench(tmp_path, *(answers or (answer(202),)), method="POST", json={"to": "<{callback_url}>"},
                 callback={"timeout": "1h"})  # fmt: skip


def test_an_answer_that_comes_later_is_waited_for_without_a_slot(tmp_path: Path) -> None:
    bench = asks_back(tmp_path)
    outcome = bench.run()
    assert isinstance(outcome, Wait)
    assert (outcome.reason, outcome.delay, outcome.note) == (
        WaitReason.SIGNAL,
        timedelta(hours=1),
        {"signal": "callback"},
    )
    assert bench.headers()["jobtrail-callback"] == ADDRESS
    assert json.loads(bench.sent[0].body) == {"to": f"<{ADDRESS}>"}
    later(bench, {"body": {"done": True}, "media_type": "application/json"})
    made = output(bench.run())
    assert made["status"] == 202 and made["callback"]["body"] == {"done": True}
    assert len(bench.sent) == 1, "it was called again"


def test_an_answer_that_comes_before_the_wait_is_not_waited_for(tmp_path: Path) -> None:
    bench = asks_back(tmp_path)
    later(bench, {"body": "now"})
    assert output(bench.run())["callback"]["body"] == "now"


def test_nobody_who_calls_back_in_time_is_a_failure(tmp_path: Path) -> None:
    bench = asks_back(tmp_path)
    bench.run()
    bench.now += 1_800
    again = bench.run()
    assert isinstance(again, Wait) and again.delay == timedelta(minutes=30), "woken early, it waits for the rest"
    bench.now += 1_800
    ended = failed(bench.run())
    assert (ended.code, ended.final) == ("callback_timeout", True)


def test_a_retry_of_a_job_calls_anew(tmp_path: Path) -> None:
    bench = asks_back(tmp_path, answer(202), answer(202))
    bench.run()
    bench.generation = 2
    assert isinstance(bench.run(), Wait)
    assert [name for name, _ in bench.post.asked] == ["callback", "callback 2"]


def test_without_an_address_of_our_own_nobody_can_call_back(tmp_path: Path) -> None:
    bench = asks_back(tmp_path)
    bench.post = Post(None)
    assert "callback" in bench.check()
    assert failed(bench.run()).code == "misconfigured"
    assert bench.sent == []
