"""Tasks, projects and usage on the command line, on a database and on a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from cli.terminal import Terminal
from database import Database
from scene import Scene
from serving import Served, served

from jobtrail.core.ids import short
from jobtrail.service import trail, usage
from jobtrail.service.usage import Call


@pytest.fixture
def web(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, which keeps its files elsewhere."""
    with served(database, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(params=["database", "server"])
def jobtrail(
    request: pytest.FixtureRequest, bare: Terminal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """A terminal that knows a database; then one that knows a server and a key."""
    if request.param == "database":
        monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    else:
        web: Served = request.getfixturevalue("web")
        monkeypatch.setenv("JOBTRAIL_SERVER_URL", web.url)
        monkeypatch.setenv("JOBTRAIL_API_KEY", web.key())
    return bare


def task(jobtrail: Terminal, *more: str) -> str:
    made = jobtrail.ok("task", "create", "mend the gate", "model=small", "--type", "demo", *more, "-o", "json")
    id: str = made.data["task"]["id"]
    return id


def test_a_task_is_written_down_looked_at_changed_and_removed(jobtrail: Terminal) -> None:
    jobtrail.ok("project", "create", "garden")
    (jobtrail.folder / "prompt.md").write_text("Mend it.\nThen paint it.\n")
    made = jobtrail.ok(
        "task", "create", "mend the gate", "model=small", "turns:=5", "--prompt", "@prompt.md", "--type", "demo",
        "--config", '{"max_attempts": 1, "input": {"x": 1}}', "-p", "garden", "--tag", "wood,old", "--priority", "HIGH",
        "--status", "ready", "-o", "json",
    ).data["task"]  # fmt: skip
    assert made["prompt"] == "Mend it.\nThen paint it.\n"
    assert made["config"] == {"max_attempts": 1, "type": "demo", "input": {"x": 1, "model": "small", "turns": 5}}
    assert (made["tags"], made["priority"], made["status"]) == (["wood", "old"], 8, "READY")
    assert made["project_id"] == jobtrail.ok("project", "get", "garden", "-o", "json").data["project"]["id"]
    one = made["id"][-6:]
    shown = jobtrail.ok("task", "get", one).out
    assert "mend the gate" in shown and "Then paint it." in shown and "used" not in shown
    other = task(jobtrail)
    assert [row[0] for row in jobtrail.ok("task", "list").cells] == [other, made["id"]]
    assert [row[0] for row in jobtrail.ok("task", "list", "gate", "-p", "garden", "-s", "ready,DONE").cells] == [
        made["id"]
    ]
    assert jobtrail.ok("task", "list", "--tag", "none", "-o", "json").data == []
    changed = jobtrail.ok("task", "update", one, "-s", "review", "--without", "prompt", "--title", "x", "-o", "json")
    assert [changed.data["task"][name] for name in ("status", "prompt", "title")] == ["REVIEW", None, "x"]
    jobtrail.ok("task", "remove", "@last")
    assert jobtrail("task", "get", other).code == 5
    assert jobtrail("project", "remove", "garden").code == 6


@pytest.mark.parametrize(
    "words",
    [
        ("task", "create", "t", "--status", "odd"),
        ("task", "create", "t", "--config", "[1]"),
        ("task", "create", "t", "--prompt", "@nowhere"),
        ("task", "list", "-n", "0"),
        ("task", "update", "@last"),
        ("task", "update", "@last", "--without", "title"),
        ("task", "start", "@last", "--variant", "odd"),
        ("task", "start", "@last", *("--variant", "n=1") * 21),
        ("task", "start", "@last", "--watch", "--variant", "n=1", "--variant", "n=2"),
        ("task", "compare", "@last", "-n", "51"),
        ("usage", "--since", "never"),
        ("usage", "--by", "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused(jobtrail: Terminal, words: tuple[str, ...]) -> None:
    task(jobtrail)
    assert jobtrail(*words).code == 2


def test_who_is_meant_by_nothing_is_not_found(jobtrail: Terminal) -> None:
    for words in (
        ("task", "get"),
        ("task", "start", "abcdef"),
        ("project", "get", "garden"),
        ("task", "jobs", "@last"),
    ):
        assert jobtrail(*words).code == 5, words


OUTPUT = {
    "session_id": "s", "result": "mended", "turns": 4, "denials": [{}], "checks": [{"passed": True}, {}],
    "changes": {"files": ["a"], "insertions": 2, "deletions": 1},
}  # fmt: skip


def two_tries(jobtrail: Terminal, scene: Scene) -> tuple[str, UUID, UUID]:
    """A task with a job that completed and one that failed."""
    id = task(jobtrail, "--prompt", "mend it")
    variants = ("--variant", "model=big", "--variant", '{"model": "tiny", "turns": 3}')
    made = jobtrail.ok("task", "start", short(UUID(id)), "deep:=true", *variants, "-o", "json").data
    assert [job["input"] for job in made] == [
        {"prompt": "mend it", "deep": True, "model": "big"},
        {"prompt": "mend it", "deep": True, "model": "tiny", "turns": 3},
    ]
    big, tiny = (UUID(job["id"]) for job in made)
    fence = scene.again(big)
    scene.do(usage.book(fence, 1, Call(provider="p", model="big-1", input_tokens=1_500, cost_usd=Decimal("0.25"))))
    scene.do(usage.book(fence, 2, Call(provider="p", model="odd")))
    scene.complete(fence, json.dumps(OUTPUT))
    scene.fail(scene.again(tiny), code="agent_failed")
    return id, big, tiny


def test_a_task_is_started_in_variants_and_they_are_compared(jobtrail: Terminal, scene: Scene) -> None:
    two_tries(jobtrail, scene)
    head, *rows = [line.split("\t") for line in jobtrail.ok("task", "compare").out.splitlines()]
    first, second = (dict(zip(head, row, strict=True)) for row in rows)
    said = ("STATUS", "DIFFERS", "COST", "SAYS")
    assert [first[name] for name in said] == ["FAILED", "model=tiny, turns=3", "", "it went wrong"]
    assert [second[name] for name in said] == ["COMPLETED", "model=big", "$0.2500 + unknown", "mended"]
    assert (second["CHECKS"], second["CHANGES"], second["DENIED"]) == ("1/2", "1 file +2 -1", "1")
    compared = jobtrail.ok("task", "compare", "-o", "json").data[1]
    assert (Decimal(compared["cost_usd"]), compared["unpriced_calls"]) == (Decimal("0.25"), 1)


def test_a_job_of_a_task_is_followed_up(jobtrail: Terminal, scene: Scene) -> None:
    id, big, tiny = two_tries(jobtrail, scene)
    more = jobtrail.ok("task", "follow-up", id, "and paint it", "--fork", "-o", "json").data[0]
    said = {"prompt": "and paint it", "resume": "s", "fork": True}
    assert {name: more["input"][name] for name in said} == said
    assert jobtrail("task", "follow-up", id, "?", "--job", str(tiny)).code == 6
    assert [row[0] for row in jobtrail.ok("task", "jobs", id).cells] == [more["id"], str(tiny), str(big)]


def test_what_was_used_is_told_and_what_nobody_knows_the_price_of(jobtrail: Terminal, scene: Scene) -> None:
    id, big, _ = two_tries(jobtrail, scene)
    line = "$0.2500 + unknown  1,500 in, 0 out  2 calls"
    assert line in jobtrail.ok("task", "get", id).out
    assert line in jobtrail.ok("job", "get", str(big)).out
    used = jobtrail.ok("usage", "--by", "task", "-o", "json").data
    assert (used["items"][0]["key"], used["total"]["unpriced_calls"]) == (id, 1)
    assert Decimal(used["total"]["cost_usd"]) == Decimal("0.25")
    ran = jobtrail.ok("usage", "--by", "model")
    assert [row[0] for row in ran.cells] == ["big-1", "odd"]
    assert "nobody knows the price" in ran.err


def test_a_start_that_is_waited_for_exits_with_the_outcome(jobtrail: Terminal, scene: Scene) -> None:
    id = task(jobtrail)
    first = jobtrail.ok("task", "start", id, "--idempotency-key", "k", "-o", "json").data[0]["id"]
    scene.fail(scene.again(UUID(first)))
    ran = jobtrail("task", "start", id, "--idempotency-key", "k", "--watch")
    assert ran.code == 3 and "stood for it already" in ran.err
    ran = jobtrail("task", "start", id, "--idempotency-key", "k", "--wait")
    assert (ran.code, ran.cells[0][0]) == (3, first)


def test_projects_are_made_listed_renamed_and_removed(jobtrail: Terminal) -> None:
    id = jobtrail.ok("project", "create", "garden", "-o", "json").data["project"]["id"]
    assert jobtrail("project", "create", "garden").code == 6
    assert jobtrail.ok("project", "rename", "garden", "park", "-o", "json").data["project"]["name"] == "park"
    assert [row[:2] for row in jobtrail.ok("project", "list", "ar").cells] == [[id, "park"]]
    assert jobtrail.ok("project", "list", "forest", "-o", "json").data == []
    jobtrail.ok("project", "remove", short(UUID(id)))
    assert jobtrail("project", "get", "park").code == 5


def test_the_type_of_an_app_says_how_its_tasks_run(
    bare: Terminal, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", database.app_url)
    app = 'import jobtrail as jt\napp = jt.App()\n@app.job("demo", queue="agents")\ndef demo(model: str) -> None: ...\n'
    bare.write("app.py", app)
    monkeypatch.syspath_prepend(str(bare.folder))
    assert bare.ok("task", "start", task(bare), "-o", "json").data[0]["queue"] == "agents"


def test_a_job_tells_what_was_spent_of_its_budget(jobtrail: Terminal, scene: Scene) -> None:
    fence = scene.start()
    note = trail.note_of({"message": "$0.41 of $0.50", "budget": {}})
    assert scene.do(trail.tell(fence, "budget.warned", note)) is not None
    budget = {"usd": {"used": "0.51", "limit": "0.50"}, "turns": {"used": 3, "limit": 20}, "odd": 1}
    scene.complete(fence, json.dumps({"budget": budget}))
    shown = jobtrail.ok("job", "get", str(fence.job_id)).out
    assert "0.51 of 0.50 usd" in shown and "3 of 20 turns" in shown
    watched = jobtrail.ok("job", "watch", str(fence.job_id)).out
    assert "$ nearly used up: $0.41 of $0.50" in watched
    assert jobtrail.ok("job", "get", str(fence.job_id), "-o", "json").data["usage"]["cost_usd"] is None
    over = scene.start(input=b'{"budget": {"usd": "0.50"}}')
    assert "budget" not in jobtrail.ok("job", "get", str(over.job_id)).out.split("input")[0]
    note = trail.note_of({"message": "$0.51 of $0.50", "budget": {"usd": {"used": "0.51", "limit": "0.5"}}})
    assert scene.do(trail.tell(over, "budget.exceeded", note)) is not None
    scene.fail(over, code="budget_exceeded")
    assert "0.51 of 0.5 usd" in jobtrail.ok("job", "get", str(over.job_id)).out


def test_an_input_is_read_as_the_type_wants_it_and_what_does_not_fit_starts_nothing(jobtrail: Terminal) -> None:
    task = jobtrail.ok("task", "create", "Lint", "--prompt", "Lint it", "-o", "json").data["task"]["id"]
    jobtrail.ok("task", "start", task, 'allowed_tools=["Bash"]', "--variant", "max_turns=3", "--variant", "max_turns=4")
    found = jobtrail.ok("task", "jobs", task, "-o", "json").data
    jobs = [jobtrail.ok("job", "get", job["id"], "-o", "json").data["job"]["input"] for job in found]
    assert sorted((job["allowed_tools"], job["max_turns"]) for job in jobs) == [(["Bash"], 3), (["Bash"], 4)]
    wrong = jobtrail("task", "start", task, "max_turns=many")
    assert wrong.code == 2 and "max_turns" in wrong.err
    assert len(jobtrail.ok("task", "jobs", task, "-o", "json").data) == 2
