"""Lists show what a filter wants, the newest first, page by page, wherever they look for it, and say how far they looked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock, Connection, Database
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.filter import Filter, both
from jobtrail.core.filter_language import parse
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus
from jobtrail.service import jobs, lists, projects, queues, tasks
from jobtrail.store.db import Scope, run

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
FOLDER, TASK, PARENT = ids.new(), ids.new(), ids.new()
SOME = 60


@pytest.fixture
def history(scene: Scene) -> list[Job]:
    """Jobs of every kind that there is, newest first, beside some of another workspace."""
    scene.do(queues.open_workspace(OTHER, "other"))
    for workspace in (WORKSPACE, OTHER):
        scene.do(projects.create(workspace, FOLDER, "folder"))
        scene.do(tasks.create(workspace, tasks.NewTask(id=TASK, title="task")))
    Scene(scene.conn, OTHER).enqueue_many(20, task_id=TASK, project_id=FOLDER)
    chance = random.Random(4)
    for n in range(SOME):
        _some_job(scene, chance, n)
    page = scene.do(jobs.listed(WORKSPACE, Filter(), limit=10 * SOME))
    assert {job.status for job in page} == set(JobStatus) - {JobStatus.VALIDATING}
    return page


def _some_job(scene: Scene, chance: random.Random, n: int) -> None:
    wanted: dict[str, Any] = {
        "type": chance.choice(["demo", "paint", "render"]),
        "queue": f"queue-{n}",
        "priority": chance.randint(1, 10),
        "tags": tuple(chance.sample(["red", "blue", "big"], chance.randint(0, 3))),
        "title": chance.choice([None, "The 100%", "a_b", "anything"]),
        "input": json.dumps({"customer": chance.choice([1, 2, "2", None]), "at": {"x": n % 3}}).encode(),
        "project_id": chance.choice([None, FOLDER]),
        "task_id": chance.choice([None, TASK]),
        "parent_id": chance.choice([None, PARENT]),
    }
    match n % 6:
        case 0:
            scene.enqueue(**wanted)
        case 1:
            scene.enqueue(scheduled_at=datetime.fromisoformat("2100-01-01T00:00:00Z"), **wanted)
        case 2:
            scene.start(**wanted)
        case 3:
            scene.complete(scene.start(**wanted))
        case 4:
            again = timedelta(days=1) if n % 4 == 0 else None
            scene.fail(scene.start(**wanted), retry_in=again, code=chance.choice(["boom", "Timed_out"]))
        case 5:
            scene.do(jobs.cancel(WORKSPACE, scene.enqueue(**wanted), ME, "not ready"))


@dataclass(frozen=True)
class Wish:
    """A filter, and in plain words which jobs it means."""

    filter: Filter
    means: Callable[[Job], bool]


def said(job: Job) -> str:
    return "\n".join(part for part in (job.title, job.type, job.error_message, job.cancel_reason) if part).lower()


def always(_job: Job) -> bool:
    return True


def never(_job: Job) -> bool:
    return False


WISHES = [
    Wish(Filter(), always),
    Wish(Filter(types=("paint",)), lambda job: job.type == "paint"),
    Wish(Filter(types=("paint", "demo", "none")), lambda job: job.type in ("paint", "demo")),
    Wish(Filter(types=(*(f"t{n}" for n in range(20)), "paint")), lambda job: job.type == "paint"),
    Wish(Filter(types=()), never),
    Wish(Filter(exclude_types=("paint", "x")), lambda job: job.type != "paint"),
    Wish(Filter(exclude_statuses=(JobStatus.RUNNING,)), lambda job: job.status != "RUNNING"),
    Wish(Filter(statuses=(JobStatus.FAILED,), exclude_statuses=(JobStatus.FAILED,)), never),
    Wish(Filter(queues=("queue-1", "queue-2")), lambda job: job.queue in ("queue-1", "queue-2")),
    Wish(Filter(exclude_queues=("queue-1",)), lambda job: job.queue != "queue-1"),
    Wish(Filter(tags=("red", "none")), lambda job: "red" in job.tags),
    Wish(Filter(tags=("red", "blue"), all_tags=("big",)),
         lambda job: "big" in job.tags and ("red" in job.tags or "blue" in job.tags)),
    Wish(Filter(all_tags=("red", "blue")), lambda job: {"red", "blue"} <= set(job.tags)),
    Wish(Filter(exclude_tags=("red", "blue")), lambda job: not {"red", "blue"} & set(job.tags)),
    Wish(Filter(task_id=TASK), lambda job: job.task_id == TASK),
    Wish(Filter(project_id=FOLDER), lambda job: job.project_id == FOLDER),
    Wish(Filter(parent_id=PARENT), lambda job: job.parent_id == PARENT),
    Wish(Filter(priority=(1, 9, 10)), lambda job: job.priority in (1, 9, 10)),
    Wish(Filter(wait_reason=("SCHEDULE",)), lambda job: job.wait_reason == "SCHEDULE"),
    Wish(Filter(exclude_wait_reason=("SCHEDULE",)), lambda job: job.wait_reason != "SCHEDULE"),
    Wish(Filter(exclude_stage=("encoding",)), always),
    Wish(Filter(stage=("encoding",)), never),
    Wish(Filter(error=("boom",)), lambda job: job.error_code == "boom"),
    Wish(Filter(error=("nothing", "WENT wrong")), lambda job: job.error_code is not None),
    Wish(Filter(error=("timed_out",)), never),
    Wish(Filter(exclude_error=("boom",)), lambda job: job.error_code != "boom"),
    Wish(Filter(exclude_error=("went WRONG",)), lambda job: job.error_code is None),
    Wish(Filter(text=("100%",)), lambda job: "100%" in said(job)),
    Wish(Filter(text=("a_b", "PAINT")), lambda job: "a_b" in said(job) and "paint" in said(job)),
    Wish(Filter(text=("not ready",)), lambda job: job.status == "CANCELLED"),
    Wish(Filter(exclude_text=("a_b", "paint")), lambda job: "a_b" not in said(job) and "paint" not in said(job)),
    Wish(Filter(input=(('{"customer": 2}', '{"customer": "2"}'),)), lambda job: job.input["customer"] in (2, "2")),
    Wish(Filter(input=(('{"customer": 2}',), ('{"at": {"x": 1}}',))),
         lambda job: job.input["customer"] == 2 and job.input["at"]["x"] == 1),
    Wish(Filter(exclude_input=('{"customer": 2}', '{"customer": "2"}')), lambda job: job.input["customer"] not in (2, "2")),
    Wish(Filter(min_attempts=1), lambda job: job.attempt_count >= 1),
    Wish(Filter(max_attempts=0), lambda job: job.attempt_count == 0),
    Wish(Filter(max_seconds=1e9), lambda job: job.started_at is not None),
    Wish(Filter(min_seconds=1e9), never),
    Wish(parse("state:running,failed -tag:red kind:paint,demo").filter(datetime.fromisoformat("2026-01-01T00:00Z")),
         lambda job: job.status in ("RUNNING", "FAILED") and "red" not in job.tags and job.type in ("paint", "demo")),
]  # fmt: skip


def test_a_list_shows_what_its_filter_means(scene: Scene, history: list[Job]) -> None:
    for wish in WISHES:
        wanted = [job.id for job in history if wish.means(job)]
        assert paged(scene, wish.filter) == wanted, wish.filter
        assert paged(scene, wish.filter, limit=7) == wanted, wish.filter


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_list_by_status_shows_every_job_of_it(scene: Scene, history: list[Job], count: int) -> None:
    chance = random.Random(count)
    for _ in range(12):
        statuses = tuple(chance.sample(list(JobStatus), count))
        for extra in (Filter(), Filter(types=("paint",)), Filter(task_id=TASK), Filter(project_id=FOLDER)):
            wanted = [
                job.id for job in history
                if job.status in statuses and (extra.types is None or job.type == "paint")
                and (extra.task_id is None or job.task_id) and (extra.project_id is None or job.project_id)
            ]  # fmt: skip
            assert paged(scene, both(extra, Filter(statuses=statuses)), limit=5) == wanted, (statuses, extra)


def paged(scene: Scene, filter: Filter, *, limit: int = 1_000) -> list[UUID]:
    """All pages, one after the other, as both verbs give them."""
    found: list[UUID] = []
    before: UUID | None = None
    while True:
        page = scene.do(jobs.page(WORKSPACE, filter, before=before, limit=limit))
        assert page.searched_to is None
        assert page.jobs == scene.do(jobs.listed(WORKSPACE, filter, before=before, limit=limit))
        found += [job.id for job in page.jobs]
        if page.next_before is None:
            return found
        before = page.next_before


def test_a_list_is_bounded_by_when_jobs_were_made(scene: Scene, clock: Clock) -> None:
    start = clock.now().replace(microsecond=0)
    made: list[tuple[datetime, UUID]] = []
    for hours in range(5):
        at = clock.freeze(start + timedelta(hours=hours))
        made.append((at, scene.enqueue(id=UUID(int=(int(at.timestamp() * 1_000) + 20_000 << 80) + hours))))
    for low in range(6):
        for high in range(6):
            after, before = start + timedelta(hours=low), start + timedelta(hours=high)
            wanted = [id for at, id in reversed(made) if after <= at < before]
            assert paged(scene, Filter(created_after=after, created_before=before)) == wanted


def test_an_id_is_found_by_its_beginning_and_by_its_end(scene: Scene) -> None:
    wanted = scene.enqueue_many(20)
    for length in (1, 13, 20, 31, 32):
        found = paged(scene, Filter(id_prefix=wanted[3].hex[:length]))
        assert found == [id for id in reversed(wanted) if id.hex.startswith(wanted[3].hex[:length])]
        found = paged(scene, Filter(id_suffix=wanted[3].hex[-length:]))
        assert found == [id for id in reversed(wanted) if id.hex.endswith(wanted[3].hex[-length:])]
    assert paged(scene, Filter(id_prefix="f" * 32)) == []
    found = scene.do(jobs.find(WORKSPACE, wanted[3].hex[:2]))
    assert found == wanted[:-4:-1]


def test_a_search_that_ends_early_says_where_and_goes_on_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "SEARCHED", 4)
    wanted = [scene.enqueue(tags=("rare",)) for _ in range(2)]
    others = scene.enqueue_many(10)
    rare = Filter(tags=("rare",))
    seen: list[UUID] = []
    before, ends = None, []
    while True:
        page = scene.do(jobs.page(WORKSPACE, rare, before=before))
        seen += [job.id for job in page.jobs]
        if page.next_before is None:
            break
        assert page.searched_to == page.next_before
        ends.append(page.next_before)
        before = page.next_before
    assert seen == wanted[::-1]
    assert ends == [others[6], others[2], wanted[0]]
    assert scene.do(jobs.listed(WORKSPACE, rare)) == []


def test_a_search_in_several_places_ends_where_the_first_of_them_did(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One type has few jobs, the other many: what the first look finds beyond the end of the second comes again."""
    monkeypatch.setattr(lists, "SEARCHED", 3)
    old = scene.enqueue(type="few", tags=("rare",))
    many = [scene.enqueue(type="many", tags=("rare",) if n == 0 else ()) for n in range(8)]
    filter = Filter(types=("few", "many"), tags=("rare",))
    page = scene.do(jobs.page(WORKSPACE, filter))
    assert (page.jobs, page.searched_to) == ([], many[5])
    seen = []
    while page.next_before is not None:
        page = scene.do(jobs.page(WORKSPACE, filter, before=page.next_before))
        seen += [job.id for job in page.jobs]
    assert seen == [many[0], old]


def test_a_crowd_that_waits_is_looked_for_among_all(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many waiting jobs nobody sorts all; of few everyone is found, however old."""
    waiting = scene.enqueue_many(6)
    scene.complete(scene.start(queue="elsewhere"))
    queued = Filter(statuses=(JobStatus.QUEUED,))
    monkeypatch.setattr(lists, "SEARCHED", 3)
    page = scene.do(jobs.page(WORKSPACE, queued, before=waiting[1]))
    assert ([job.id for job in page.jobs], page.next_before) == ([waiting[0]], None)
    monkeypatch.setattr(lists, "_CROWD", 5)
    page = scene.do(jobs.page(WORKSPACE, queued))
    assert ([job.id for job in page.jobs], page.searched_to) == ([waiting[5], waiting[4]], waiting[4])
    rest = scene.do(jobs.page(WORKSPACE, queued, before=page.next_before, limit=4))
    assert [job.id for job in rest.jobs] == waiting[3:0:-1]


def test_a_job_that_was_made_ready_twice_is_shown_once(scene: Scene, admin: Connection) -> None:
    id = scene.enqueue()
    admin.execute("insert into jobtrail.ready select * from jobtrail.ready")
    done = scene.start(queue="other")
    admin.execute(
        "insert into jobtrail.ready (workspace_id, job_id, rank, queue, type) values (%s, %s, 5, 'other', 'demo')",
        (WORKSPACE, done.job_id),
    )
    queued = Filter(statuses=(JobStatus.QUEUED,))
    assert [job.id for job in scene.do(jobs.listed(WORKSPACE, queued))] == [id]
    both_statuses = replace(queued, statuses=(JobStatus.QUEUED, JobStatus.RUNNING))
    assert [job.id for job in scene.do(jobs.listed(WORKSPACE, both_statuses))] == [done.job_id, id]


def test_no_list_shows_a_job_of_another_workspace(database: Database, scene: Scene, history: list[Job]) -> None:
    theirs = Scene(scene.conn, OTHER)
    theirs.start(queue="theirs")
    theirs.fail(theirs.start(queue="theirs too"))
    ours = Scope(str(WORKSPACE), standing=True)
    wishes = [wish.filter for wish in WISHES] + [Filter(statuses=(status,)) for status in JobStatus]
    with closing(database.connect(str(WORKSPACE))) as conn:
        for filter in wishes:
            assert run(conn, jobs.listed(OTHER, filter), ours) == []
            for job in run(conn, jobs.listed(WORKSPACE, filter, limit=1_000), ours):
                assert job.workspace_id == WORKSPACE
    seen = scene.do(jobs.listed(OTHER, Filter(), limit=1_000))
    assert {job.workspace_id for job in seen} == {OTHER}
