"""How to test jobs: on a real database of the test's own, through the worker itself."""
# ruff: noqa: S101  (pytest asserts)

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from orders import Order, Report, fetch_page, sync, sync_all

from jobtrail.testing import Clock, Lab

SINCE = date(2026, 1, 1)


def test_the_orders_of_a_customer_are_fetched_page_by_page(jobtrail: Lab) -> None:
    job = sync.enqueue(customer="c42", since=date(2026, 2, 1))
    jobtrail.drain()
    assert job.result() == Report(orders=3, total=Decimal(603))
    assert jobtrail.steps(job) == ["page 1", "page 2", "page 3"]


def test_people_look_before_anything_unusual_is_published(
    jobtrail: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.UNUSUAL", Decimal(500))
    approved, forgotten = sync.enqueue(customer="c1", since=SINCE), sync.enqueue(customer="c2", since=SINCE)
    jobtrail.drain()
    assert jobtrail.waiting(approved).question == "c1 ordered for 906: publish?"
    jobtrail.approve(approved)
    jobtrail.drain()
    assert approved.result().orders == 6
    clock.advance("2d")
    jobtrail.drain()
    assert jobtrail.job(forgotten).status == "CANCELLED"


def test_a_page_that_was_fetched_is_not_fetched_again(
    jobtrail: Lab, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[int] = []

    def flaky(customer: str, page: int) -> list[Order]:
        pages.append(page)
        if pages == [1, 2]:
            raise ConnectionError("the shop is away")
        return fetch_page(customer, page)

    monkeypatch.setattr("orders.fetch_page", flaky)
    job = sync.enqueue(customer="c42", since=SINCE)
    jobtrail.drain()
    assert jobtrail.job(job).wait_reason == "RETRY"
    clock.advance("10s")
    jobtrail.drain()
    assert pages == [1, 2, 2, 3]


def test_every_customer_gets_one_job(jobtrail: Lab) -> None:
    sync_all.enqueue(customers=["c1", "c2", "c1"], since=SINCE)
    jobtrail.drain(slots=1, leave=["orders.sync"])
    assert len(jobtrail.jobs("orders.sync")) == 2
    jobtrail.assert_enqueued(sync, customer="c2")
    jobtrail.refute_enqueued(sync, customer="c3")


def test_the_worker_may_die_anywhere(jobtrail: Lab) -> None:
    report = jobtrail.crash_everywhere(sync, customer="c42", since=SINCE)
    assert report.result == {"orders": 6, "total": "906"}
