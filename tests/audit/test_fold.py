"""Events fold to the row: every column, whatever a note says, and only along legal moves."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from audit.history import KEY, SERVES_ALL
from database import Connection
from scene import ME, Scene

from jobtrail.core import fold
from jobtrail.core.chain import Link
from jobtrail.core.errors import IllegalMove
from jobtrail.core.status import WaitReason
from jobtrail.service import attempts, audit, jobs
from jobtrail.store.db import run


def report(conn: Connection) -> list[str]:
    return [finding.message for finding in run(conn, audit.verify([KEY]), SERVES_ALL).findings]


def test_every_column_of_a_job_is_vouched_for(scene: Scene) -> None:
    scene.complete(scene.start())
    (job,) = scene.do(audit.job_lines((audit._LOWEST, audit._LOWEST), (scene.workspace, scene.workspace), 10))
    columns = scene.conn.execute(
        "select attname from pg_attribute where attrelid = 'jobtrail.jobs'::regclass and attnum > 0 and not attisdropped"
    ).fetchall()
    assert job.row is not None
    assert set(job.row) == {name for (name,) in columns} - {"input"} | {"input_sha256"}
    assert set(fold.fold(job.trail).row) == set(job.row)


def test_a_note_cannot_pass_for_a_change(scene: Scene) -> None:
    fence = scene.start()
    scene.do(attempts.progress(fence, 10, "real", '{"stage": "false", "priority": 1, "why": "me"}'))
    scene.do(attempts.suspend(fence, "job.snoozed", WaitReason.SCHEDULE, timedelta(hours=1), "[1]"))
    told = [event.payload for event in scene.events(fence.job_id)]
    assert told[2] == {"stage": "real", "progress": 10, "why": "me"} and told[3]["note"] == [1]
    assert report(scene.conn) == []


def test_no_statement_can_make_a_row_that_its_events_do_not_tell(scene: Scene) -> None:
    id = scene.enqueue()
    for change in ("started_at = now()", "unique_hold = 'x'", "actual_seconds = 1", "completed_at = now()"):
        with pytest.raises(psycopg.DatabaseError):
            scene.conn.execute(
                f"update jobtrail.jobs set event = 'job.updated', {change} where id = %s".encode(), (id,)
            )
    with pytest.raises(psycopg.DatabaseError, match="cannot have run before"):
        scene.conn.execute(
            "insert into jobtrail.jobs (workspace_id, id, type, status, progress) values (%s, %s, 'x', 'QUEUED', 5)",
            (scene.workspace, scene.workspace),
        )
    scene.conn.execute(
        "insert into jobtrail.jobs (workspace_id, id, type, status, created_at, created_by, timeout_seconds) "
        "values (%s, %s, 'x', 'QUEUED', '2001-01-01', 'nobody', 0.1)", (scene.workspace, scene.workspace),
    )  # fmt: skip
    assert scene.job(scene.workspace).created_at.year > 2001, "nobody dates a job back"
    assert report(scene.conn) == []


def test_an_illegal_life_is_noticed_even_when_the_chain_holds() -> None:
    at = (1).to_bytes(8, "big")
    first = Link("w", "j", 1, at, "job.created", "QUEUED", None, None, "user", "me", '{"type": "t"}', b"", 1)
    done = first._replace(seq=2, type="job.completed", status="COMPLETED", payload=None)
    assert [seq for seq, _ in fold.fold([first, done]).wrong] == [2]
    assert [seq for seq, _ in fold.fold([first._replace(status="RUNNING")]).wrong] == [1]
    assert [seq for seq, _ in fold.fold([first._replace(payload="[]")]).wrong] == [1]


def test_the_guard_still_says_what_is_illegal(scene: Scene) -> None:
    fence = scene.start()
    scene.complete(fence)
    with pytest.raises(IllegalMove):
        scene.do(jobs.retry(scene.workspace, fence.job_id, ME))
