"""What a call says of unique keys, deadlines and breakers, on the database directly and over HTTP alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from scene import Scene

import jobtrail as jt
from jobtrail.client import JobsClient
from jobtrail.core.breaker import BreakerMode, BreakerPolicy
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.unique import key_of


def is_about(length: timedelta, **parts: float) -> bool:
    """Whether it is so long but for the moments that pass within a statement."""
    return abs(length - timedelta(**parts)) < timedelta(seconds=10)


@pytest.fixture
def app(client: JobsClient) -> jt.App:
    app = jt.App()
    app.connect(client)
    return app


def test_a_type_has_unique_keys_by_its_input(app: jt.App, scene: Scene) -> None:
    @app.job("sync", unique="input")
    def sync(customer: str, day: int = 1) -> None: ...

    first = sync.enqueue(customer="a")
    assert (sync.enqueue(customer="a").id, sync.enqueue(customer="b").existed) == (first.id, False)
    assert sync.using(unique_key="mine").enqueue(customer="a").existed is False
    assert scene.job(first.id).unique_key == key_of("sync", b'{"customer": "a"}')


def test_a_type_has_unique_keys_by_some_fields_of_its_input(app: jt.App) -> None:
    @app.job("sync", unique=jt.Unique(["customer"], scope="any", window="1h", on_conflict="replace"))
    def sync(customer: str, day: int = 1) -> None: ...

    first, second = sync.enqueue(customer="a", day=1), sync.enqueue(customer="a", day=2)
    assert (first.job().status, second.existed) == ("CANCELLED", False)
    job = second.job()
    assert (job.unique_scope, job.unique_key) == ("ANY", key_of("sync", b'{"customer": "a"}'))
    assert job.unique_until is not None and is_about(job.unique_until - job.created_at, hours=1)


def test_a_call_says_what_happens_where_its_key_is_held(app: jt.App) -> None:
    @app.job("sync")
    def sync(n: int) -> None: ...

    mine = sync.using(unique_key="k")
    first = mine.enqueue(n=1)
    with pytest.raises(Conflict, match=str(first.id)):
        mine.using(on_conflict="refuse").enqueue(n=2)
    second = mine.using(on_conflict="replace").enqueue(n=2)
    third = mine.using(debounce="1h", max_wait="2h").enqueue(n=3)
    assert [one.job().status for one in (first, second, third)] == ["CANCELLED", "CANCELLED", "PENDING"]
    assert third.job().unique_scope == "WAITING"
    at = third.job().created_at + timedelta(days=1)
    assert mine.using(on_conflict="reschedule", at=at).enqueue(n=4).id == third.id
    assert third.job().scheduled_at == at


def test_a_throttled_call_answers_the_job_of_its_time(app: jt.App, scene: Scene) -> None:
    @app.job("demo")
    def demo(n: int) -> None: ...

    seldom = demo.using(unique_key="k", throttle="1h")
    first = seldom.enqueue(n=1)
    scene.complete(scene.again(first.id))
    assert seldom.enqueue(n=2).id == first.id
    job = first.job()
    assert job.unique_scope == "ANY"
    assert job.unique_until is not None and is_about(job.unique_until - job.created_at, hours=1)


def test_a_job_expires(app: jt.App) -> None:
    @app.job("demo", expires="2h")
    def demo() -> None: ...

    job = demo.enqueue().job()
    assert job.cancel_at is not None and is_about(job.cancel_at - job.created_at, hours=2)
    sooner = demo.using(expires=60).enqueue().job()
    assert sooner.cancel_at is not None and is_about(sooner.cancel_at - sooner.created_at, minutes=1)


@pytest.mark.parametrize(
    "said", [{"expires": 0}, {"throttle": "1h", "unique_scope": "LIVE"}, {"unique": "inputs"}, {"unique": []}]
)
def test_what_does_not_go_together_is_refused(app: jt.App, said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        app.job("demo", **said)


def test_an_option_that_nobody_knows_is_an_error_of_the_caller(app: jt.App) -> None:
    with pytest.raises(TypeError, match="uniqe"):
        app.job("demo", uniqe="input")  # type: ignore[call-arg]


def test_a_breaker_is_set_shown_and_taken_away(client: JobsClient) -> None:
    made = client.breakers.set("a b.c", policy=BreakerPolicy(min_failures=5), reason="flaky")
    assert (made.type, made.mode, made.state, made.min_failures, made.open_seconds) == (
        "a b.c",
        "AUTO",
        "CLOSED",
        5,
        30,
    )
    opened = client.breakers.set("a b.c", BreakerMode.OPEN, reason="their deploy")
    assert (opened.state, opened.reason, opened.min_failures) == ("OPEN", "their deploy", 5)
    assert client.breakers.list() == [opened]
    client.breakers.remove("a b.c")
    assert client.breakers.list() == []
    with pytest.raises(NotFound):
        client.breakers.remove("a b.c")
