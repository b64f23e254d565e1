"""An export verifies without the database, and nobody changes, drops, adds or moves a line of it unnoticed."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from audit.history import KEY, OTHER, SERVES_ALL, History, lived
from database import Clock, Connection
from scene import WORKSPACE, Scene

from jobtrail.core.audit import Kind, Report
from jobtrail.core.chain import Seal
from jobtrail.core.errors import NotFound
from jobtrail.core.export import verify_export
from jobtrail.service import export, upkeep
from jobtrail.store.db import Scope, run
from jobtrail.store.piecewise import run_each

LATER = {"at", "hashing", "droppable", "parts"}
"""What a header says about itself; it vouches for nothing."""


@pytest.fixture
def history(conn: Connection) -> History:
    return lived(conn, 40)


def of_workspace(history: History) -> list[str]:
    lines: list[str] = []
    run_each(history.conn, export.export_workspace(WORKSPACE, lines.append, jobs=7), Scope.of(WORKSPACE))
    return lines


def of_job(history: History, at_least: int = 5) -> list[str]:
    """Of a job with some events under more than one seal, if there is such a one."""
    found: list[str] = []
    for job in history.jobs[WORKSPACE]:
        lines: list[str] = []
        events = run(history.conn, export.export_job(WORKSPACE, job, lines.append), Scope.of(WORKSPACE))
        if events >= at_least:
            return lines
        found = lines
    return found


def test_a_workspace_verifies_without_the_database(history: History) -> None:
    lines = of_workspace(history)
    report = verify_export(lines, [KEY], history.anchor)
    own = [seal for seal in history.anchor if seal.workspace_id == WORKSPACE]
    assert report.findings == () and report.signatures
    assert report.jobs == len(history.jobs[WORKSPACE]) and report.seals == len(own) == report.anchored
    assert report.events == sum(seal.events for seal in own) and report.unsealed == 0
    assert verify_export(lines).ok and not verify_export(lines).signatures
    assert not verify_export(lines, [b"another"]).ok


def test_a_job_verifies_with_its_proofs_alone(history: History) -> None:
    lines = of_job(history)
    report = verify_export(lines, [KEY], history.anchor)
    assert report.ok and report.jobs == 1 and report.events >= 5 and report.unsealed == 0
    proofs = [json.loads(line)["proof"] for line in lines if json.loads(line)["line"] == "event"]
    assert all(proof["path"] for proof in proofs)
    assert len(lines) < report.events + report.seals + 4


def test_the_job_is_the_one_that_the_header_names(history: History) -> None:
    lines = of_job(history)
    lines[0] = lines[0].replace(json.loads(lines[0])["job_id"], str(uuid4()))
    (finding,) = verify_export(lines, [KEY]).findings
    assert "as its header says" in finding.message


def test_lines_are_json_that_says_what_is_hashed(history: History) -> None:
    said = [json.loads(line) for line in of_job(history)]
    assert [one["line"] for one in said][:1] == ["header"] and said[-1]["line"] == "end"
    assert "sha256(hash of the event before" in said[0]["hashing"]
    event = next(one for one in said if one["line"] == "event")
    assert event["type"] == "job.created" and "input_sha256" in json.loads(event["payload"])


def test_what_is_not_sealed_yet_is_exported_as_such(scene: Scene, history: History) -> None:
    fence = scene.start()
    report = verify_export(of_workspace(history), [KEY], history.anchor)
    assert report.ok and report.unsealed == 2
    lines: list[str] = []
    scene.do(export.export_job(WORKSPACE, fence.job_id, lines.append))
    report = verify_export(lines, [KEY], history.anchor)
    assert report.ok and report.unsealed == 2 and report.seals == 0


def test_removed_jobs_are_exported_with_their_tombstones(scene: Scene, clock: Clock) -> None:
    history = History(scene.conn, jobs={WORKSPACE: []})
    fence = scene.start()
    scene.complete(fence)
    scene.enqueue()
    history.seal()
    clock.advance(days=3)
    scene.do(upkeep.remove_jobs(clock.now()))
    report = verify_export(of_workspace(history), [KEY], history.anchor)
    assert report.ok and (report.jobs, report.tombstones, report.events) == (1, 1, 4)
    lines: list[str] = []
    assert scene.do(export.export_job(WORKSPACE, fence.job_id, lines.append)) == 3
    assert verify_export(lines, [KEY]).ok


def test_dropped_days_are_exported_as_such(scene: Scene, clock: Clock) -> None:
    history = History(scene.conn, jobs={WORKSPACE: []})
    today = clock.now()
    clock.advance(days=-20)
    scene.do(upkeep.make_partitions(1))
    scene.complete(scene.start())
    clock.freeze(today)
    fence = scene.start()
    history.seal()
    scene.complete(fence)
    history.seal()
    assert scene.do(upkeep.drop_partitions("events", today))
    report = verify_export(of_workspace(history), [KEY], history.anchor)
    assert report.findings == () and report.expired == 1 and report.events == 3


def test_there_is_nothing_to_export_of_no_job(history: History) -> None:
    with pytest.raises(NotFound, match="no tombstone"):
        run(history.conn, export.export_job(WORKSPACE, uuid4(), print), SERVES_ALL)
    with pytest.raises(NotFound):
        run(history.conn, export.export_job(OTHER, history.jobs[WORKSPACE][0], print), SERVES_ALL)


@pytest.mark.parametrize("what", ["workspace", "job"])
def test_every_change_of_a_line_is_found(history: History, what: str) -> None:
    lines = of_workspace(history) if what == "workspace" else of_job(history)
    chance = Random(7)
    missed = []
    for _ in range(400):
        changed, how = vandalized(lines, chance)
        if verify_export(changed, [KEY], history.anchor).ok:
            missed.append(how)
    assert missed == [], "\n".join(missed)


def vandalized(lines: list[str], chance: Random) -> tuple[list[str], str]:
    """The lines with one of them changed, gone, doubled or elsewhere."""
    changed, at = list(lines), chance.randrange(1, len(lines))
    match chance.choice(["edit", "edit", "edit", "drop", "double", "swap", "cut", "rubbish"]):
        case "edit":
            said = json.loads(changed[at])
            name = chance.choice(
                [key for key in said if key not in LATER | {"first_at", "last_at", "removed_at", "alive"}]
            )
            was, said[name] = said[name], other(said[name], chance)
            changed[at] = json.dumps(said)
            return changed, f"{name} of line {at}, {json.loads(lines[at])['line']}: {was!r} -> {said[name]!r}"
        case "drop":
            del changed[at]
        case "double":
            changed.insert(at, changed[at])
        case "swap":
            to = at - 1 if at > 1 else len(lines) - 1
            changed[at], changed[to] = changed[to], changed[at]
        case "cut":
            del changed[at:]
        case _:
            changed[at] = chance.choice(["", "{}", "[]", "null", '{"line": "event"}', changed[at][:-1]])
    return changed, f"line {at} of {len(lines)}: {lines[at][:80]}"


def other(value: Any, chance: Random) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value[:-1] if value and chance.random() < 0.5 else value + "0"
        case None:
            return "00"
        case list():
            return [*value, value[0] if value else {"id": "x", "generation": 9}]
        case _:
            key = chance.choice([key for key in value if value[key] is not None])
            return {**value, key: other(value[key], chance)}


def test_the_seals_of_an_export_are_those_of_the_anchor(history: History) -> None:
    lines = of_workspace(history)
    other = History(history.conn)
    other.anchor = [Seal(**{**fields(seal), "events": seal.events + 1}) for seal in history.anchor]
    assert {finding.kind for finding in verify_export(lines, [KEY], other.anchor).findings} == {Kind.ANCHOR}
    cut = [seal for seal in history.anchor if seal.workspace_id == WORKSPACE]
    more = Seal(**{**fields(cut[-1]), "number": cut[-1].number + 1})
    assert {finding.kind for finding in verify_export(lines, [KEY], [*cut, more]).findings} == {Kind.ANCHOR}


def fields(seal: Seal) -> dict[str, Any]:
    return {name: getattr(seal, name) for name in Seal.__slots__}


@pytest.mark.parametrize("lines", [[], ["{}"], ["x"], ['{"line": "end", "jobs": 0, "events": 0, "seals": 0}']])
def test_what_is_no_export_is_said_to_be_none(lines: list[str]) -> None:
    report: Report = verify_export(lines)
    assert not report.ok and {finding.kind for finding in report.findings} == {Kind.EXPORT}
