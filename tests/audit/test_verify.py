"""An honest history verifies: whatever its jobs lived through, while they go on living, as a whole and in bits."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from audit.history import KEY, OTHER, SERVES_ALL, History, lived
from audit.tampers import Vandal
from database import Connection
from scene import WORKSPACE, Scene

from jobtrail.core.audit import SHOWN, Kind, Report
from jobtrail.service import audit, queues, seals
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.piecewise import run_each


@pytest.fixture
def history(conn: Connection) -> History:
    return lived(conn, 40)


@pytest.fixture
def vandal(history: History, admin: Connection) -> Vandal:
    """A vandal whose changes stay."""
    admin.execute("set session_replication_role = replica")
    jobs = [(workspace, id) for workspace, ids in history.jobs.items() for id in ids]
    return Vandal(admin, Random(1), jobs, KEY)


def kinds(report: Report) -> set[Kind]:
    return {finding.kind for finding in report.findings}


def test_an_honest_history_verifies(history: History) -> None:
    report = history.verify()
    assert report.findings == () and report.ok and report.signatures
    assert report.unsealed == report.expired == report.more == 0
    assert report.seals == len(history.anchor) == report.anchored
    assert report.jobs == sum(map(len, history.jobs.values()))
    assert report.events == sum(seal.events for seal in history.anchor)


def test_it_is_the_same_in_bits(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks end within workspaces, and between seals that end together."""
    whole = history.verify()
    monkeypatch.setattr(audit, "EVENTS", 30)
    monkeypatch.setattr(audit, "_SEALS", 2)
    for jobs in (1, 7):
        work = audit.verify([KEY], anchored=history.anchor, jobs=jobs)
        assert run_each(history.conn, work, SERVES_ALL) == whole


def test_one_workspace_is_verified_by_itself(history: History) -> None:
    reports = {
        workspace: run(
            history.conn, audit.verify([KEY], workspace=workspace, anchored=history.anchor), Scope.of(workspace)
        )
        for workspace in history.jobs
    }
    whole = history.verify()
    assert all(report.ok for report in reports.values())
    for count in ("jobs", "events", "seals", "anchored"):
        assert sum(getattr(report, count) for report in reports.values()) == getattr(whole, count) > 0


def test_a_history_that_goes_on_meanwhile_verifies(
    scene: Scene, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two statements of the audit, jobs are accepted, run and end, and are sealed."""
    monkeypatch.setattr(audit, "EVENTS", 50)
    steps = audit.verify([KEY], jobs=5).begin()
    running = [scene.start(queue="live") for _ in range(3)]
    answer: object = None
    for number in range(10_000):
        try:
            query = steps.send(answer)
        except StopIteration as end:
            assert end.value.findings == ()
            assert number > 20
            return
        answer = run(scene.conn, query, SERVES_ALL)
        fence = running.pop(0)
        scene.finished_step(fence, "step", "1")
        scene.complete(fence, "2")
        running.append(scene.start(queue="live"))
        if number % 3 == 0:
            run(scene.conn, seals.seal(KEY), SERVES_ALL)
    raise AssertionError("the audit never catches up")


def test_what_is_not_sealed_yet_is_counted(scene: Scene, history: History) -> None:
    fence = scene.start()
    report = history.verify()
    assert report.ok and report.unsealed == 2
    scene.complete(fence)
    assert history.verify().unsealed == 3


def test_before_anything_is_there_nothing_is_wrong(conn: Connection) -> None:
    assert run(conn, audit.verify([KEY]), SERVES_ALL) == Report()


def test_without_a_key_it_says_that_signatures_were_not_checked(history: History, vandal: Vandal) -> None:
    vandal.do("update jobtrail.seals set signature = 'x' where number = 1")
    report = run(history.conn, audit.verify(), SERVES_ALL)
    assert report.ok and not report.signatures
    assert kinds(run(history.conn, audit.verify([KEY]), SERVES_ALL)) == {Kind.SEAL}
    assert kinds(run(history.conn, audit.verify(anchored=history.anchor), SERVES_ALL)) == {Kind.ANCHOR}


def test_an_older_key_still_counts(history: History) -> None:
    assert run(history.conn, audit.verify([b"newer", KEY]), SERVES_ALL).ok
    assert kinds(run(history.conn, audit.verify([b"newer"]), SERVES_ALL)) == {Kind.SEAL}


def test_a_finding_names_the_job_and_what_is_wrong(history: History, vandal: Vandal) -> None:
    job = history.jobs[WORKSPACE][1]
    vandal.do("update jobtrail.jobs set title = 'forged' where id = %s", job)
    (finding,) = history.verify().findings
    assert (finding.kind, finding.workspace, finding.job_id) == (Kind.ROW, WORKSPACE, job)
    assert finding.message == "title is 'forged', which its events do not say"


def test_an_edit_is_found_before_it_is_sealed(scene: Scene, history: History, vandal: Vandal) -> None:
    fence = scene.start()
    vandal.do("update jobtrail.events set actor_id = 'eve' where job_id = %s and seq = 1", fence.job_id)
    report = history.verify()
    assert Kind.HASH in kinds(report) and report.unsealed == 2


def test_only_a_seal_finds_a_life_that_was_rewritten_without_a_contradiction(
    scene: Scene, history: History, vandal: Vandal
) -> None:
    """It says where the chain ends and why there are seals: what is not sealed yet can be rewritten whole."""
    scene.enqueue()
    vandal.chance = Random(3)
    new = scene.enqueue(title="mine")
    trail = vandal.trail(new)
    vandal.write(new, [trail[0]._replace(at=(1).to_bytes(8, "big"))], {})
    assert history.verify().ok
    history.seal()
    vandal.write(new, [trail[0]], {})
    assert kinds(history.verify()) == {Kind.SEAL}


def test_only_the_anchor_finds_what_was_sealed_anew_with_the_true_key(history: History, vandal: Vandal) -> None:
    job = vandal.job()[1]
    trail = vandal.trail(job)
    vandal.write(job, [event._replace(at=(n + 1).to_bytes(8, "big")) for n, event in enumerate(trail)], {})
    vandal.do("truncate jobtrail.seals")
    vandal.do("update jobtrail.sealer set up_to_txid = 0, safe_at = '-infinity'")
    while run(history.conn, seals.seal(KEY, batch=60), SERVES_ALL).behind:
        pass
    assert run(history.conn, audit.verify([KEY]), SERVES_ALL).ok
    assert kinds(history.verify()) == {Kind.ANCHOR}


def test_findings_without_end_are_counted(history: History, vandal: Vandal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobtrail.core.audit.SHOWN", 10)
    vandal.do("truncate jobtrail.events")
    report = history.verify()
    assert len(report.findings) == 10 and report.more > 10 and not report.ok
    assert SHOWN >= 100


def test_a_transaction_from_the_future_is_noticed(scene: Scene, history: History, vandal: Vandal) -> None:
    job = scene.enqueue()
    vandal.do("update jobtrail.events set txid = txid + 1000000 where job_id = %s", job)
    assert kinds(history.verify()) == {Kind.UNCOVERED, Kind.ROW}
    vandal.do("update jobtrail.jobs set last_txid = last_txid + 1000000 where id = %s", job)
    assert kinds(history.verify()) == {Kind.UNCOVERED}


def test_a_sealer_that_was_put_forward_is_noticed(scene: Scene, history: History, vandal: Vandal) -> None:
    """Else nobody would ever seal what it passed."""
    scene.enqueue()
    vandal.do("update jobtrail.sealer set up_to_txid = pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 1")
    assert kinds(history.verify()) == {Kind.UNCOVERED}


def test_others_learn_nothing_of_a_workspace(scene: Scene, conn: Connection) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    scene.complete(scene.start())
    assert run(conn, audit.verify([KEY], workspace=scene.workspace), Scope.of(OTHER)) == Report()
    assert run(conn, audit.verify([KEY]), Scope.of(OTHER)) == Report()
    assert run(conn, audit.verify([KEY]), Scope.of(ALL)).jobs == 1


def test_who_does_nothing_is_not_found_out(history: History, admin: Connection) -> None:
    """The control of the tests of tampers: same connection, same role, no change."""
    with admin.transaction(force_rollback=True):
        admin.execute("set local session_replication_role = replica")
        admin.execute("set local role jobtrail_app")
        assert history.verify(admin).ok


def test_a_removed_job_leaves_a_tombstone_that_its_events_fit(scene: Scene, history: History, vandal: Vandal) -> None:
    """As retention does it, a day after the end."""
    fence = scene.start(title="gone")
    scene.finished_step(fence, "s", "1")
    scene.complete(fence, "2")
    history.seal()
    ended = "completed_at between jobtrail.clock() - interval '1 hour' and jobtrail.clock()"
    assert vandal.rows(f"select 1 from jobtrail.jobs where {ended}")
    vandal.do(
        "insert into jobtrail.tombstones (workspace_id, job_id, last_seq, trail_hash, first_at, last_at, removed_at) "
        "select workspace_id, id, version, trail_hash, created_at, updated_at, updated_at + interval '1 day' "
        "from jobtrail.jobs where id = %s", fence.job_id,
    )  # fmt: skip
    vandal.erase(fence.job_id)
    report = history.verify()
    assert report.tombstones == 1
    assert [finding.message for finding in report.findings] == [
        "it was removed less than a day after it ended, which retention never does"
    ]


def test_a_vandal_is_found_by_who_looks_where_he_was(history: History, vandal: Vandal) -> None:
    job = history.jobs[WORKSPACE][0]
    vandal.do("update jobtrail.jobs set priority = priority %% 10 + 1 where id = %s", job)
    assert run(history.conn, audit.verify([KEY], workspace=OTHER), SERVES_ALL).ok
    assert not run(history.conn, audit.verify([KEY], workspace=WORKSPACE), SERVES_ALL).ok


def test_the_age_of_what_may_be_gone_is_at_least_a_week(conn: Connection) -> None:
    started = run(conn, audit.start(), SERVES_ALL)
    assert started.now - started.kept.droppable == timedelta(days=7)
    longer = run(conn, audit.start(started.now - timedelta(days=90)), SERVES_ALL)
    assert longer.kept.droppable == started.now - timedelta(days=90)
    assert run(conn, audit.start(started.now), SERVES_ALL).kept.droppable < started.now - timedelta(days=6)
