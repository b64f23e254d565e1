"""Cost: by day and model, by what one wants to know, the dearest jobs; what nobody knows is never zero."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from database import Database
from scene import ME, Scene
from serving import EVERYTHING, Served, served

from jobtrail.core.budget_terms import BudgetPeriod, BudgetScope, Limits
from jobtrail.core.scopes import ApiScope
from jobtrail.service import budgets, reserving, usage
from jobtrail.service.budgets import NewBudget
from jobtrail.service.usage import Call


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served, **query: str) -> str:
    answer = httpx2.get(f"{web.url}/w/default/cost", params=query)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def spend(scene: Scene, *usd: str | None, **wanted: object) -> None:
    fence = scene.start(**wanted)  # type: ignore[arg-type]
    for number, cost in enumerate(usd):
        call = Call(provider="p", model=f"model-{number}", input_tokens=1_000, output_tokens=20,
                    cost_usd=None if cost is None else Decimal(cost))  # fmt: skip
        scene.do(usage.book(fence, number, call))


def test_where_nothing_was_used_nothing_is_claimed(web: Served) -> None:
    page = read(web)
    assert "Nothing was used in this time." in page and "nothing in this time" in page
    assert 'class="big"><span class="num">—</span>' in page


def test_an_unknown_price_is_told_apart_and_makes_a_sum_a_least(web: Served, scene: Scene) -> None:
    spend(scene, "1.50", None, title="the dear one")
    page = read(web)
    assert "$1.50+" in page and "the dear one" in page and "1 call of unknown price not drawn" in page


def test_what_is_only_unknown_is_no_zero(web: Served, scene: Scene) -> None:
    spend(scene, None)
    page = read(web)
    assert "model-0 —" in page and "No job has a known cost in this time." in page


@pytest.mark.parametrize(("by", "names"), [
    ("type", ["demo"]), ("model", ["model-0", "model-1"]), ("queue", ["q, 1"]), ("tag", ["red", "blue"]), ("project", ["(none)"]),
    ("task", ["(none)"]),
])  # fmt: skip
def test_cost_is_summed_by_what_one_wants_to_know(web: Served, scene: Scene, by: str, names: list[str]) -> None:
    spend(scene, "1", "2", queue="q, 1", tags=("red", "blue"))
    page = read(web, by=by, days="30d")
    table = page[page.index('id="totals"') : page.index('id="dearest"')]
    assert (all(name in table for name in names) and "$3.00" in table) or by == "model"
    assert f"jobtrail usage --by {by} --since 30d" in page


def test_days_are_drawn_and_lead_to_their_jobs(web: Served, scene: Scene) -> None:
    spend(scene, "3")
    page = read(web, days="7d")
    assert page.count('class="bucket"') == 7
    assert "model-0 $3.00" in page
    assert "T00%3A00%3A00Z.." in page


def test_only_who_may_read_figures_sees_money(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path) as web:
        http = web.client(web.key(scopes=EVERYTHING - {ApiScope.METRICS_READ}))
        assert http.get("/w/default/cost").status_code == 403


def test_budgets_stand_beside_what_was_spent(web: Served, scene: Scene) -> None:
    assert "No budget is set." in read(web, days="1d")
    limits = Limits(usd=Decimal(2))
    new = NewBudget(scope=BudgetScope.TYPE, subject="demo", limits=limits, period=BudgetPeriod.MONTH)
    scene.do(budgets.set_(scene.workspace, new, ME))
    fence = scene.start()
    scene.do(reserving.reserve(fence, usd=Decimal("0.3")))
    scene.do(reserving.use(fence, 1, Call(provider="p", model="m", cost_usd=Decimal("1.7"))))
    page = read(web)
    assert "budget of type demo for this month" in page and "$1.70 of $2.00" in page and "85 %" in page
    overview = " ".join(httpx2.get(f"{web.url}/w/default/").text.split())
    assert "budget of type demo for this month: 85% used ($1.70 of $2.00)" in overview
    assert "jobtrail budget show type:demo" in overview
    cost = " ".join(httpx2.get(f"{web.url}/w/default/jobs/{fence.job_id}/cost").text.split())
    assert "Budgets that hold it" in cost and "$1.70 of $2.00" in cost
