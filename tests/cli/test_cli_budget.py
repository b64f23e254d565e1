"""`jobtrail budget …` and `--budget`: set, looked at, raised and cleared from a command line."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene

from jobtrail.service import reserving, usage


def test_a_budget_is_set_raised_shown_and_cleared(jobtrail: Terminal) -> None:
    made = jobtrail.ok("budget", "set", "workspace", "--usd", "100", "--per", "month", "-o", "json").data["budget"]
    assert (made["scope"], made["period"], made["on_exceeded"]) == ("WORKSPACE", "MONTH", "GATE")
    raised = jobtrail.ok("budget", "set", "workspace", "--usd", "$200.50", "--per", "month", "-o", "json").data[
        "budget"
    ]
    assert (raised["id"], Decimal(raised["limit_usd"])) == (made["id"], Decimal("200.5"))
    assert "$0.00 of $200.50" in jobtrail.ok("budget", "list").out
    assert "budget of the workspace for this month" in jobtrail.ok("budget", "show", "workspace").out
    assert jobtrail.ok("budget", "show", made["id"][-12:], "-o", "json").data["budgets"][0]["id"] == made["id"]
    jobtrail.ok("budget", "clear", "workspace")
    assert jobtrail("budget", "clear", "workspace").code == jobtrail("budget", "show", "workspace").code == 5


def test_each_has_its_own(jobtrail: Terminal) -> None:
    project = jobtrail.ok("project", "create", "site", "-o", "json").data["project"]["id"]
    made = jobtrail.ok("budget", "set", "project:site", "--tokens", "5000", "--wall", "2h", "-o", "json").data["budget"]
    assert (made["subject"], made["limit_tokens"], made["limit_seconds"]) == (project, 5000, 7200.0)
    jobtrail.ok(
        "budget", "set", "type:claude", "--usd", "5", "--per", "day", "--on-exceeded", "stop", "--warn-at", "0.5"
    )
    jobtrail.ok("budget", "set", "queue:slow", "--usd", "5")
    listed = jobtrail.ok("budget", "list", "-o", "json").data
    assert [one["scope"] for one in listed] == ["PROJECT", "TYPE", "QUEUE"]
    assert len(jobtrail.ok("budget", "list", "type:claude", "-o", "json").data) == 1


def test_a_job_has_a_budget_from_where_it_was_enqueued(jobtrail: Terminal, scene: Scene) -> None:
    words = ("enqueue", "demo", "--no-check", "--budget", "1.00", "--reserve", "0.25", "-o", "json")
    id = jobtrail.ok(*words).data["job"]["id"]
    fence = scene.again(UUID(id))
    assert scene.do(reserving.reserve(fence)).grant.usd == Decimal("0.25")
    scene.do(reserving.use(fence, 1, usage.Call(provider="p", model="m", cost_usd=None)))
    shown = jobtrail.ok("budget", "show", "job:@last")
    assert "$0.00 of $1.00" in shown.out
    assert "of 1 call nobody knows the price" in shown.out
    assert jobtrail.ok("budget", "list", "-o", "json").data == [], "those of jobs are listed when they are asked for"
    assert len(jobtrail.ok("budget", "list", "--jobs", "-o", "json").data) == 1
    jobtrail.ok("budget", "set", f"job:{id[-8:]}", "--usd", "2")
    assert "of $2.00" in jobtrail.ok("budget", "show", f"job:{id}").out


@pytest.mark.parametrize(
    "words",
    [
        ["set", "workspace"],
        ["set", "workspace", "--usd", "much"],
        ["set", "nobody:x", "--usd", "1"],
        ["set", "type", "--usd", "1"],
        ["set", "workspace:x", "--usd", "1"],
        ["set", "workspace", "--usd", "1", "--warn-at", "2"],
        ["set", "schedule:x", "--usd", "1"],
    ],
)
def test_what_is_no_budget_is_refused(jobtrail: Terminal, words: list[str]) -> None:
    assert jobtrail("budget", *words).code == 2


def test_the_budget_of_a_job_has_no_month(jobtrail: Terminal, scene: Scene) -> None:
    scene.enqueue()
    assert jobtrail("budget", "set", "job:@last", "--usd", "1", "--per", "month").code == 2
