"""Errors come in groups: what differs only in numbers, ids and quoted texts is one error, and a group can be acted upon."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, WORKSPACE, Scene

from jobtrail.core.errors import NotFound
from jobtrail.core.figures import ErrorGroup
from jobtrail.core.filter_language import parse
from jobtrail.core.model import Job
from jobtrail.service import attempts, failures, jobs, queues
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
DAY = timedelta(days=1)


def failed(scene: Scene, message: str, code: str = "boom", **wanted: Any) -> UUID:
    """A job that failed for good."""
    fence = scene.start(**wanted)
    scene.do(attempts.fail(attempts.Failed(fence, code, message, retry_in=None)))
    return fence.job_id


def fingerprint(conn: Connection, message: str | None, code: str | None = "boom") -> str:
    row = conn.execute("select jobtrail.fingerprint(%s, %s)", (code, message)).fetchone()
    assert row is not None
    found: str = row[0]
    return found


def groups(scene: Scene, since: datetime | None = None, **more: int) -> list[ErrorGroup]:
    return scene.do(failures.groups(scene.workspace, since, **more)).items


ALIKE = [
    ("took 30.5 s", "took 7 s"),
    ("no row 0x1f9 in table 12", "no row 0xdeadbeef01 in table 9"),
    ("lost 517cc4e5-dd04-46d4-a68f-ee8233e63a71", "lost 7230331b-df64-4edb-8b96-1033fa71f2d3"),
    ('cannot open "a b.txt"', 'cannot open "c.txt"'),
    ("key 'alpha' is missing", "key 'beta' is missing"),
    ("`ls` is not there", "`cat -x` is not there"),
    ("no such file: /srv/run-12/out.mov", "no such file: /srv/run-99/out.mov"),
    ("no such file: /tmp/tmpabcdef/x, sorry", "no such file: /tmp/tmpzzz/y, sorry"),
    ("it broke\nat line 3 of one", "it broke\nfor another reason"),
]
DIFFERENT = [
    ("took 30 s", "took 30 min"),
    ("it can't be, it won't do", "it can't do, it won't be"),
    ("cannot read /srv/a/in.txt", "cannot read /srv/b/in.txt"),
    ("", "x"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_messages_that_differ_in_what_varies_are_one_error(conn: Connection, one: str, other: str) -> None:
    assert fingerprint(conn, one) == fingerprint(conn, other)
    assert fingerprint(conn, one) != fingerprint(conn, other, "another code")


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_messages_that_differ_in_words_are_two_errors(conn: Connection, one: str, other: str) -> None:
    assert fingerprint(conn, one) != fingerprint(conn, other)


def test_a_fingerprint_is_short_and_never_missing(conn: Connection) -> None:
    for code, message in ((None, None), ("", ""), ("x", None), (None, "é" * 5000)):
        found = fingerprint(conn, message, code)
        assert len(found) == 11 and found.startswith("fp_") and int(found[3:], 16) >= 0


def test_failures_are_grouped_and_the_last_seen_comes_first(scene: Scene) -> None:
    many = [failed(scene, f"took {n} s", type="demo") for n in range(7)]
    one = failed(scene, "no disk", code="full")
    scene.complete(scene.start())
    scene.fail(scene.start(), retry_in=DAY)  # it is not over yet
    scene.do(jobs.cancel(WORKSPACE, scene.enqueue(), ME))
    found = scene.do(failures.groups(WORKSPACE))
    assert [(group.error_code, group.jobs) for group in found.items] == [("full", 1), ("boom", 7)]
    assert (found.looked_at, found.made_since, found.groups) == (8, None, 2)
    group = found.items[1]
    assert group.message == "took 6 s" and group.types == {"demo": 7}
    assert group.job_ids == many[:-6:-1]
    assert sum(group.trend) == 7 and len(group.trend) == 24
    assert group.first_at < group.last_at < found.items[0].last_at
    assert group.is_new and not group.infrastructure
    assert found.items[0].job_ids == [one]


def test_a_workspace_without_failures_has_no_groups(scene: Scene) -> None:
    found = scene.do(failures.groups(WORKSPACE))
    assert (found.items, found.groups, found.looked_at, found.made_since) == ([], 0, 0, None)


def test_what_is_over_in_a_retry_is_no_error_any_more(scene: Scene) -> None:
    id = failed(scene, "took 3 s")
    scene.do(jobs.retry(WORKSPACE, id, ME))
    assert groups(scene) == []


def test_a_group_counts_what_failed_in_the_time_and_knows_since_when_it_fails(scene: Scene, clock: Clock) -> None:
    begin = clock.now()
    failed(scene, "old 1")
    failed(scene, "gone 1", code="gone")
    clock.advance(timedelta(days=3))
    now = clock.advance(minutes=30)
    failed(scene, "old 2")
    (group,) = groups(scene, now - timedelta(hours=24))
    assert (group.jobs, group.first_at, group.last_at) == (1, begin, now)
    assert not group.is_new, "it was seen three days ago"
    assert group.trend == [0] * 23 + [1]
    assert [each.jobs for each in groups(scene)] == [2, 1]
    assert groups(scene)[0].trend == [1] + [0] * 22 + [1]


def test_of_a_bounded_look_it_is_told_how_far_it_went(scene: Scene) -> None:
    ids = [failed(scene, f"{n} went wrong", code="a" if n < 3 else "b") for n in range(6)]
    found = scene.do(failures.groups(WORKSPACE, looked_at=4))
    assert (found.looked_at, found.made_since) == (4, scene.job(ids[2]).created_at)
    assert [(group.error_code, group.jobs) for group in found.items] == [("b", 3), ("a", 1)]
    assert found.made_since is not None and found.made_since < found.new_since < found.until
    assert not found.items[1].is_new, "nobody knows what was before"
    cut = scene.do(failures.groups(WORKSPACE, limit=1))
    assert (len(cut.items), cut.groups) == (1, 2)


def test_cancelled_jobs_do_not_hide_failed_ones_without_a_word(scene: Scene) -> None:
    failed(scene, "long ago")
    for id in scene.enqueue_many(4):
        scene.do(jobs.cancel(WORKSPACE, id, ME))
    found = scene.do(failures.groups(WORKSPACE, looked_at=2))
    assert (found.items, found.looked_at) == ([], 0)
    assert found.made_since is not None, "further back there may be some"
    complete = scene.do(failures.groups(WORKSPACE, looked_at=3))
    assert len(complete.items) == 1 and complete.made_since is None


def test_a_lost_worker_is_infrastructure(scene: Scene, owner: Connection) -> None:
    id = failed(scene, "three workers were lost while they ran this job; the last: gone", code="quarantined")
    (group,) = groups(scene)
    assert group.infrastructure and group.job_ids == [id]


def test_one_group_is_found_by_its_fingerprint(scene: Scene) -> None:
    failed(scene, "took 3 s")
    failed(scene, "no disk")
    first, second = groups(scene)
    found = scene.do(failures.group(WORKSPACE, second.fingerprint))
    assert found.items == [second]
    with pytest.raises(NotFound, match="fp_00000000"):
        scene.do(failures.group(WORKSPACE, "fp_00000000"))
    with pytest.raises(NotFound):
        scene.do(failures.group(WORKSPACE, first.fingerprint, datetime.now(UTC) + DAY))


def search(scene: Scene, text: str) -> set[UUID]:
    now = datetime.now(UTC)
    found: list[Job] = scene.do(jobs.listed(WORKSPACE, parse(text).filter(now)))
    return {job.id for job in found}


def test_the_jobs_of_a_group_are_found_by_its_fingerprint(scene: Scene) -> None:
    slow = {failed(scene, f"took {n} s") for n in range(3)}
    full = failed(scene, "no disk", code="full")
    done = scene.start()
    scene.complete(done)
    full_group, slow_group = groups(scene)
    assert search(scene, f"status:FAILED error:{slow_group.fingerprint}") == slow
    assert search(scene, f"error:{slow_group.fingerprint}") == slow
    assert search(scene, f"error:{slow_group.fingerprint},full") == {*slow, full}
    assert search(scene, f"error:{slow_group.fingerprint},{full_group.fingerprint}") == {*slow, full}
    assert search(scene, f"-error:{slow_group.fingerprint}") == {full, done.job_id}
    assert search(scene, f"status:FAILED -error:{slow_group.fingerprint}") == {full}
    assert search(scene, "error:fp_00000000") == set()


def test_nobody_sees_the_errors_of_another_workspace(scene: Scene, database: Database) -> None:
    scene.do(queues.open_workspace(OTHER, "other"))
    failed(Scene(scene.conn, OTHER), "theirs 1")
    failed(scene, "ours 1")
    with closing(database.connect(scope=None)) as conn:
        found = run(conn, failures.groups(WORKSPACE), Scope.of(WORKSPACE))
        assert [group.message for group in found.items] == ["ours 1"]
        assert run(conn, failures.groups(OTHER), Scope.of(WORKSPACE)).items == []
