"""What jobs cost adds up: to the token and to the cent, by job, task, project and workspace, however often workers die."""

from __future__ import annotations

import json
import os
import random
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from claude import fake_claude
from claude.station import Station, reach, station, until
from database import Database
from scene import WORKSPACE, ids
from serving import served

from jobtrail.core.model import Usage
from jobtrail.core.spent import Spent
from jobtrail.service import projects, tasks, usage
from jobtrail.service.tasks import NewTask
from jobtrail.service.usage import UsageKey
from jobtrail.store.db import Scope, run

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
JOBS = 12 if DEEP else 6
KILLS = 24 if DEEP else 4
TURNS = 40  # more than any job will need
Figures = tuple[int, int, int, Decimal | None]


def figures_of(job: int, turn: int) -> dict[str, Any]:
    """What the turn of a job uses; no two use the same. The cost has digits that a float has not."""
    return {
        "input": 1_000 + 100 * job + turn, "output": 10 + turn, "cached": 7 * job + turn, "created": 0,
        "cost": f"0.0{job:02}{turn:02}00{3 + turn}5",
    }  # fmt: skip


def scenario(job: int, folder: Path) -> dict[str, Any]:
    """An agent that takes some seconds, in a few steps that a kill can fall between, and says when it will answer."""
    events: list[dict[str, Any]] = [{"tool": "Bash", "run": f"sleep 0.{4 + job % 3}"} for _ in range(4)]
    events.append({"write": str(folder / f"answering-{job}")})
    return {"turns": [{"events": events, "usage": figures_of(job, turn)} for turn in range(TURNS)]}


@dataclass(frozen=True)
class Office:
    """A project with two tasks that own jobs, and a job of the project that belongs to no task."""

    there: Station
    project: UUID
    tasks: tuple[UUID, ...]
    jobs: dict[UUID, int]  # by their number
    of: dict[UUID, UUID | None]  # the task of a job

    def calls(self, job: UUID) -> int:
        """How often the program was started for a job."""
        file = self.there.folder / f"job-{self.jobs[job]}.calls"
        return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.fixture
def there(database: Database, tmp_path: Path) -> Iterator[Station]:
    """A program that plays another scenario for each job: the job's environment names it."""
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    default = tmp_path / "default.json"
    default.write_text("{}")
    fake = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(fake_claude.HERE))}"
    program.write_text(f'#!/bin/sh\nFAKE="${{SCENARIO:-{default}}}" {fake} "$@"\n')
    program.chmod(0o755)
    with station(database, tmp_path, {"JOBTRAIL_CLAUDE_PATH": str(program)}, slots=4) as there:
        yield there


@pytest.fixture
def office(there: Station) -> Office:
    project = there.client.run(projects.create(WORKSPACE, ids.new(), "shop")).id
    made = [
        there.client.run(tasks.create(WORKSPACE, NewTask(id=ids.new(), title=f"task {n}", project_id=project)))
        for n in range(2)
    ]
    owners = [made[0].id, made[0].id, made[1].id, None]
    jobs: dict[UUID, int] = {}
    of: dict[UUID, UUID | None] = {}
    for number in range(JOBS):
        file = there.folder / f"job-{number}.json"
        file.write_text(json.dumps(scenario(number, there.folder)))
        task = owners[number % len(owners)]
        job = there.enqueue({"prompt": "Go on.", "env": {"SCENARIO": str(file)}}, project_id=project, task_id=task)
        jobs[job], of[job] = number, task
    return Office(there, project, tuple(task.id for task in made), jobs, of)


def kill_again_and_again(there: Station, office: Office, chance: random.Random) -> None:
    """Workers die at random moments while jobs run; then one lives."""
    for number in range(KILLS):
        there.start()
        until(lambda: all_over(office) or any(there.job(id).status == "RUNNING" for id in office.jobs), "a job runs")
        if number % 2:
            reach(time.monotonic() + chance.uniform(0.2, 2.2))
        else:
            answers(there, office)
            reach(time.monotonic() + chance.uniform(0.0, 0.1))
        there.kill()
    there.start()
    until(lambda: all_over(office), lambda: stories(office))


def stories(office: Office) -> str:
    """All that happened to those that are not over."""
    there = office.there
    return "\n".join(there.story(id) for id in office.jobs if there.job(id).status != "COMPLETED")


def answers(there: Station, office: Office) -> None:
    """Waits until an agent is about to answer: what it cost is about to be told, and to be booked."""
    for file in there.folder.glob("answering-*"):
        file.unlink()
    until(lambda: all_over(office) or any(there.folder.glob("answering-*")), lambda: stories(office))


def all_over(office: Office) -> bool:
    """Whether all are done. A job that three workers were lost with is quarantined; somebody says each time: once more."""
    states = {id: office.there.job(id).status for id in office.jobs}
    for id, status in states.items():
        if status == "FAILED":
            office.there.client.retry(id)
    return all(status == "COMPLETED" for status in states.values())


@pytest.mark.timeout(900)
def test_what_jobs_cost_adds_up_however_often_workers_are_killed(
    there: Station, office: Office, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBTRAIL_SEED") or random.SystemRandom().randrange(1 << 32))
    kill_again_and_again(there, office, random.Random(seed))
    rows = {id: there.client.usage(id) for id in office.jobs}
    for id in office.jobs:
        booked_once_and_as_told(office, id, rows[id])
    everywhere_the_same(office, rows)
    over_http_too(office, rows, database, tmp_path)
    there.nothing_left(office.jobs)
    there.verified()
    ends = Counter(attempt.status for id in office.jobs for attempt in there.attempts(id))
    total = summed([row for each in rows.values() for row in each])
    assert ends["LOST"] > 0 and set(ends) <= {"LOST", "COMPLETED"}, ends
    with capsys.disabled():
        print(f"\n  {KILLS} kills, attempts {dict(ends)}: {total}, seed {seed}")  # noqa: T201


def booked_once_and_as_told(office: Office, id: UUID, rows: list[Usage]) -> None:
    """No figure that the program did not tell, none twice; an invocation that nobody heard to its end has no price."""
    there, number = office.there, office.jobs[id]
    told = {figures_told(number, turn) for turn in range(office.calls(id))}
    priced = [shown(row) for row in rows if row.cost_usd is not None]
    assert len(priced) == len(set(priced)) and set(priced) <= told, (priced, told, there.story(id))
    assert figures_told(number, office.calls(id) - 1) in priced, "the turn that ended well was heard to its end"
    said, known = there.output(id), all(row.cost_usd is not None for row in rows)
    assert said["cost_usd"] is None if not known else Decimal(said["cost_usd"]) == summed(rows).cost_usd, said
    tokens = {
        "input": summed(rows).input_tokens,
        "output": summed(rows).output_tokens,
        "cached": summed(rows).cached_tokens,
    }
    assert said["tokens"] == tokens, there.story(id)
    result = there.client.result(id)
    assert result is not None and result.cost_usd == (summed(rows).cost_usd if known else None), result
    turns = [step.id for step in there.client.steps(id) if step.name.startswith("agent turn")]
    assert sorted(row.step_id for row in rows if row.step_id) == sorted(turns), (
        f"one row a turn: {rows} {there.story(id)}"
    )
    assert office.calls(id) - len(priced) <= sum(row.cost_usd is None for row in rows), there.story(id)


def figures_told(job: int, turn: int) -> Figures:
    """As the ledger must show them."""
    told = figures_of(job, turn)
    return told["input"], told["output"], told["cached"], Decimal(told["cost"])


def shown(row: Usage) -> Figures:
    return row.input_tokens, row.output_tokens, row.cached_tokens, row.cost_usd


def summed(rows: list[Usage]) -> Spent:
    """What the rows come to."""
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    return Spent(
        calls=len(rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        reasoning_tokens=sum(row.reasoning_tokens for row in rows),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        unpriced_calls=len(rows) - len(costs),
    )


def everywhere_the_same(office: Office, rows: dict[UUID, list[Usage]]) -> None:
    """Job by job, by task, project and workspace, and under every key."""
    client = office.there.client
    everything = summed([row for each in rows.values() for row in each])
    for id, own in rows.items():
        assert client.run(usage.of(WORKSPACE, "job", id)) == summed(own)
    for task in office.tasks:
        own = [row for id, each in rows.items() if office.of[id] == task for row in each]
        assert client.run(usage.of(WORKSPACE, "task", task)) == summed(own)
    assert client.run(usage.of(WORKSPACE, "project", office.project)) == everything
    first = min(row.at for each in rows.values() for row in each)
    last = max(row.at for each in rows.values() for row in each) + timedelta(seconds=1)
    with closing(office.there.database.connect()) as conn:
        assert run(conn, usage.total(WORKSPACE, first, last), Scope.of(WORKSPACE)) == everything
        keys: tuple[UsageKey, ...] = ("model", "provider", "day", "job", "type", "queue", "task", "project")
        for by in keys:
            totals = run(conn, usage.totals(WORKSPACE, first, last, by), Scope.of(WORKSPACE))
            assert sum(one.calls for one in totals) == everything.calls, by
            assert sum(one.input_tokens for one in totals) == everything.input_tokens, by
            assert sum(one.unpriced_calls for one in totals) == everything.unpriced_calls, by
            assert sum((one.cost_usd or Decimal(0) for one in totals), Decimal(0)) == everything.cost_usd, by


def over_http_too(office: Office, rows: dict[UUID, list[Usage]], database: Database, folder: Path) -> None:
    """The routes say the same."""
    everything = summed([row for each in rows.values() for row in each])
    with served(database, folder) as web:
        http = web.client()

        def got(path: str) -> Any:
            answer = http.get(f"/api/v1{path}")
            assert answer.status_code == 200, answer.text
            return answer.json()

        for path in ("/usage", "/usage?by=task"):
            assert spent(got(path)["total"]) == everything
        assert spent(got(f"/projects/{office.project}")["usage"]) == everything
        for task in office.tasks:
            own = [row for id, each in rows.items() if office.of[id] == task for row in each]
            assert spent(got(f"/tasks/{task}")["usage"]) == summed(own)
        for id, each in rows.items():
            shown = got(f"/jobs/{id}/usage")["items"]
            assert sum(Decimal(row["cost_usd"] or 0) for row in shown) == (summed(each).cost_usd or 0)
            assert sum(row["input_tokens"] for row in shown) == summed(each).input_tokens


def spent(shown: dict[str, Any]) -> Spent:
    """As it came over HTTP."""
    cost = shown["cost_usd"]
    return Spent(**{**shown, "cost_usd": None if cost is None else Decimal(cost)})
