"""Budgets over HTTP: set, seen, changed and cleared there, kept for workers from afar, and by clients of a server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from serving import Served
from web.remote import Remote, enqueue, job_of

import jobtrail as jt
from jobtrail.client.remote import RemoteClient
from jobtrail.core.budget_terms import BudgetPeriod, BudgetScope, Limits
from jobtrail.core.errors import NotFound
from jobtrail.core.scopes import ApiScope
from jobtrail.service.budgets import NewBudget
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id


def set_budget(http: httpx2.Client, **said: Any) -> dict[str, Any]:
    answer = http.post("/api/v1/budgets", json={"scope": "WORKSPACE", **said})
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    assert http.get(answer.headers["location"]).json()["id"] == made["id"]
    return made


def spend(worker: Remote, job: dict[str, Any], usd: str, number: int = 1) -> int:
    return worker.tell(job, "usage", {"number": number, "provider": "p", "model": "m", "cost_usd": usd}).status_code


def test_a_budget_is_set_seen_changed_and_cleared(http: httpx2.Client) -> None:
    made = set_budget(http, limit_usd="10", period="MONTH", warn_at=0.5)
    assert (made["label"], made["left_usd"], made["share"]) == ("budget of the workspace for this month", "10", 0.0)
    again = http.post("/api/v1/budgets", json={"scope": "WORKSPACE", "period": "MONTH", "limit_usd": 12})
    assert (again.status_code, again.json()["id"], again.json()["warn_at"]) == (200, made["id"], pytest.approx(0.8))
    path = f"/api/v1/budgets/{made['id']}"
    changed = http.patch(path, json={"limit_tokens": 500, "on_exceeded": "STOP"}).json()
    assert (changed["limit_usd"], changed["limit_tokens"], changed["on_exceeded"]) == ("12", 500, "STOP")
    assert http.patch(path, json={"limit_usd": None}).json()["limit_usd"] is None
    assert [one["id"] for one in http.get("/api/v1/budgets", params={"scope": "WORKSPACE"}).json()["items"]] == [
        made["id"]
    ]
    assert http.delete(path).status_code == 204
    assert http.get(path).status_code == http.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"scope": "WORKSPACE"}, "limit_usd"),
        ({"scope": "WORKSPACE", "limit_usd": "0"}, "limit_usd"),
        ({"scope": "WORKSPACE", "limit_usd": "NaN"}, "limit_usd"),
        ({"scope": "WORKSPACE", "limit_usd": "1e300"}, "limit_usd"),
        ({"scope": "WORKSPACE", "subject": "x", "limit_usd": 1}, "subject"),
        ({"scope": "TYPE", "limit_usd": 1}, "subject"),
        ({"scope": "TREE", "subject": "x", "limit_usd": 1}, "subject"),
        ({"scope": "TREE", "subject": str(uuid4()), "period": "DAY", "limit_usd": 1}, "period"),
    ],
)
def test_what_is_no_budget_is_refused_by_field(http: httpx2.Client, said: dict[str, Any], field: str) -> None:
    answer = http.post("/api/v1/budgets", json=said)
    assert answer.status_code == 422, answer.text
    assert field in {one["path"] for one in answer.json()["errors"]}


def test_what_it_is_for_must_be_there(http: httpx2.Client) -> None:
    for scope in ("TREE", "TASK", "PROJECT"):
        said = {"scope": scope, "subject": str(uuid4()), "limit_usd": 1}
        assert http.post("/api/v1/budgets", json=said).status_code == 404


def test_budgets_come_in_pages(http: httpx2.Client) -> None:
    for number in range(5):
        set_budget(http, scope="TYPE", subject=f"t{number}", limit_usd=1)
    found, cursor = [], None
    while True:
        page = http.get("/api/v1/budgets", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [one["subject"] for one in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == [f"t{number}" for number in range(5)]


def test_who_only_looks_may_not_set(web: Served, http: httpx2.Client) -> None:
    set_budget(http, limit_usd=1)
    looks = web.client(web.key(scopes={ApiScope.BUDGETS_READ}))
    assert len(looks.get("/api/v1/budgets").json()["items"]) == 1
    assert looks.post("/api/v1/budgets", json={"scope": "WORKSPACE", "limit_usd": 5}).status_code == 403
    blind = web.client(web.key(scopes=set(ApiScope) - {ApiScope.BUDGETS_READ}))
    assert blind.get("/api/v1/budgets").status_code == 403


def test_a_job_is_accepted_with_a_budget_of_its_own(http: httpx2.Client) -> None:
    id = enqueue(http, budget={"usd": "1.00", "wall_seconds": 60}, reserve_usd="0.25")
    (budget,) = http.get(f"/api/v1/jobs/{id}/budgets").json()["items"]
    assert (budget["scope"], budget["subject"], budget["limit_seconds"]) == ("TREE", id, 60.0)
    assert http.get("/api/v1/budgets").json()["items"] == [], "those of jobs are not among the others"
    assert len(http.get("/api/v1/budgets", params={"jobs": True}).json()["items"]) == 1
    child = enqueue(http, parent_id=id, scheduled_at="2100-01-01T00:00:00Z")
    assert job_of(http, child)["job"]["budgeted"] is True
    assert [one["id"] for one in http.get(f"/api/v1/jobs/{child}/budgets").json()["items"]] == [budget["id"]]
    wrong = http.post("/api/v1/jobs", json={"type": "demo", "budget": {"usd": "0"}})
    assert wrong.status_code == 422 and "budget.usd" in wrong.text


def test_a_worker_from_afar_gets_only_jobs_that_their_budgets_let_begin(http: httpx2.Client) -> None:
    set_budget(http, limit_usd="1")
    ids = [enqueue(http, reserve_usd="0.4") for _ in range(4)]
    worker = Remote(http)
    got = worker.claim(limit=10)
    assert [job["job_id"] for job in got] == ids[:2]
    waits = [job_of(http, id) for id in ids[2:]]
    assert {one["job"]["wait_reason"] for one in waits} == {"BUDGET"}
    assert "budget of" in waits[0]["why"]
    (held,) = http.get("/api/v1/budgets").json()["items"]
    assert (Decimal(held["held_usd"]), held["waiting"], Decimal(held["left_usd"])) == (
        Decimal("0.8"),
        2,
        Decimal("0.2"),
    )


def test_a_worker_from_afar_reserves_and_is_stopped_when_it_is_over(http: httpx2.Client) -> None:
    budget = set_budget(http, limit_usd="1")
    id = enqueue(http, reserve_usd="0.1")
    worker = Remote(http)
    job = worker.one()
    granted = worker.tell(job, "reserve", {"usd": "0.5"}).json()
    assert granted == {"go_on": True, "usd": "0.5", "tokens": None, "seconds": None, "why": None}
    assert spend(worker, job, "0.5") == 204
    assert spend(worker, job, "0.7", 2) == 204, "what was spent is booked whatever the budget"
    assert spend(worker, job, "0.1", 3) == 409, "and then the attempt is over, for its job asks"
    asked = job_of(http, id)
    assert asked["job"]["wait_reason"] == "GATE"
    assert "is spent: $1.20 of $1.00" in asked["why"]
    raised = http.patch(f"/api/v1/budgets/{budget['id']}", json={"limit_usd": "3"}).json()
    assert (raised["gate_id"], Decimal(raised["used_usd"])) == (None, Decimal("1.2"))
    assert worker.one()["job_id"] == id


def test_a_reservation_that_is_refused_ends_the_attempt(http: httpx2.Client) -> None:
    set_budget(http, limit_usd="1", on_exceeded="STOP")
    id = enqueue(http, reserve_usd="1")
    worker = Remote(http)
    job = worker.one()
    assert spend(worker, job, "1") == 204
    answer = worker.tell(job, "reserve").json()
    assert (answer["go_on"], "is spent" in answer["why"]) == (False, True)
    ended = job_of(http, id)["job"]
    assert (ended["status"], ended["error_code"]) == ("FAILED", "budget_exceeded")


def test_clients_of_a_server_have_the_same_verbs(web: Served) -> None:
    with RemoteClient(web.url, web.key()) as client:
        new = NewBudget(
            scope=BudgetScope.TYPE, subject="demo", limits=Limits(usd=Decimal(5), tokens=9), period=BudgetPeriod.DAY
        )
        made = client.budgets.set(new)
        assert (made.label, made.limit_tokens) == ("budget of type demo for today", 9)
        assert [client.budgets.get(made.id).id] == [one.id for one in client.budgets.list()] == [made.id]
        options = Options(type="demo", budget=jt.Budget("0.5", per="attempt"), reserve_usd=Decimal("0.1"))
        job = client.enqueue_all([NewJob(new_id(), b"{}", options)]).ids[0]
        assert [one.scope for one in client.budgets.of_job(job)] == ["ATTEMPT", "TYPE"]
        client.budgets.clear(made.id)
        with pytest.raises(NotFound):
            client.budgets.get(UUID(str(made.id)))
