"""The verbs on tasks and projects do the same through every client, blocking and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from database import Database
from scene import WORKSPACE, Scene, ids

from jobtrail.client import AsyncJobsClient, Client, JobsClient
from jobtrail.client.async_remote import AsyncRemoteClient
from jobtrail.client.remote import RemoteClient
from jobtrail.core.errors import ConcurrentUpdate, Conflict, IdempotencyConflict, Invalid, NotFound
from jobtrail.core.spent import Spent
from jobtrail.core.status import TaskStatus
from jobtrail.service import tasks, usage
from jobtrail.service.agent_tasks import FollowUp, Start
from jobtrail.service.jobs import Options
from jobtrail.service.tasks import NewTask, TaskChange, TaskFilter
from jobtrail.service.usage import Call

DAY = timedelta(days=1)


def new(title: str = "t", **more: Any) -> NewTask:
    return NewTask(id=ids.new(), title=title, **{"prompt": "p", "config": b'{"type": "demo"}'} | more)


def test_a_task_is_made_changed_found_and_removed(client: JobsClient) -> None:
    project = client.projects.create("garden")
    said = {"description": "d", "tags": ("a", "b"), "priority": 7, "status": TaskStatus.READY, "project_id": project.id}
    made = client.tasks.create(new("paint", config=b'{"type": "demo", "n": [1, null]}', **said))
    found = client.tasks.get(made.id)
    assert {name: getattr(found, name) for name in said} == said | {"tags": ["a", "b"]}
    assert (found.title, found.prompt, found.config, found.usage) == (
        "paint",
        "p",
        {"type": "demo", "n": [1, None]},
        Spent(),
    )
    change = TaskChange(title="paint it", config=b"{}", tags=(), empty=frozenset({"description"}))
    changed = client.tasks.update(made.id, change, version=made.version)
    assert (changed.title, changed.config, changed.tags, changed.description) == ("paint it", {}, [], None)
    assert changed.prompt == "p"
    with pytest.raises(ConcurrentUpdate):
        client.tasks.update(made.id, TaskChange(title="x"), version=made.version)
    other = client.tasks.create(new("dig", tags=("c",)))
    assert [task.id for task in client.tasks.list()] == [other.id, made.id]
    for filter, wanted in (
        (TaskFilter(statuses=(TaskStatus.READY, TaskStatus.DONE)), [made.id]),
        (TaskFilter(project_id=project.id), [made.id]),
        (TaskFilter(tags=("c", "d")), [other.id]),
        (TaskFilter(text=("it", "paint")), [made.id]),
        (TaskFilter(text=("it", "dig")), []),
    ):
        assert [task.id for task in client.tasks.list(filter)] == wanted
    client.tasks.remove(other.id)
    with pytest.raises(NotFound):
        client.tasks.get(other.id)
    with pytest.raises(NotFound):
        client.tasks.remove(other.id)
    with pytest.raises(Invalid):
        client.tasks.create(new(project_id=ids.new()))


def test_lists_are_as_long_as_they_are_wanted(client: JobsClient, scene: Scene) -> None:
    for n in range(510):
        scene.do(tasks.create(WORKSPACE, new(f"t{n}")))
    assert [task.title for task in client.tasks.list(limit=505)] == [f"t{n}" for n in range(509, 4, -1)]
    assert len(client.tasks.list(limit=900)) == 510
    assert len(client.tasks.list(limit=3)) == 3


def test_a_project_is_made_renamed_found_and_removed(client: JobsClient) -> None:
    project = client.projects.create("garden")
    with pytest.raises(Conflict):
        client.projects.create("garden")
    assert client.projects.rename(project.id, "Park & co").name == "Park & co"
    assert client.projects.get(project.id).usage == Spent()
    assert [one.id for one in client.projects.list("park")] == [project.id]
    assert client.projects.list("forest") == []
    client.projects.remove(project.id)
    assert client.projects.list() == []
    with pytest.raises(NotFound):
        client.projects.get(project.id)


def test_a_task_is_started_followed_up_and_compared(client: JobsClient, scene: Scene) -> None:
    task = client.tasks.create(new())
    two = Start(input={"a": 1}, variants=({"m": "x"}, {"m": "y"}), priority=9)
    done = client.tasks.start(task.id, two, key="k")
    assert client.tasks.start(task.id, two, key="k").ids == done.ids
    assert client.tasks.start(task.id, two, key="k").existed == frozenset(done.ids)
    assert [client.get(id).input for id in done.ids] == [{"prompt": "p", "a": 1, "m": m} for m in "xy"]
    with pytest.raises(IdempotencyConflict):
        client.tasks.start(task.id, Start(variants=({"m": "x"},)), key="k")
    fence = scene.again(done.ids[0])
    scene.do(usage.book(fence, 1, Call(provider="p", model="m", input_tokens=3, cost_usd=Decimal("0.25"))))
    scene.complete(fence, '{"session_id": "s", "turns": 2}')
    (more,) = client.tasks.follow_up(task.id, FollowUp(prompt="and?", fork=True), key="f").ids
    assert client.tasks.follow_up(task.id, FollowUp(prompt="and?", fork=True), key="f").existed == {more}
    assert client.get(more).input == {"prompt": "and?", "a": 1, "m": "x", "resume": "s", "fork": True}
    assert [job.id for job in client.tasks.compare(task.id)] == [more, *done.ids[::-1]]
    assert client.tasks.compare(task.id, limit=3)[2].cost_usd == Decimal("0.25")
    assert client.tasks.get(task.id).usage == Spent(1, 3, 0, 0, 0, Decimal("0.25"), 0)
    assert client.tasks.get(task.id).status == TaskStatus.IN_PROGRESS
    for wrong in (lambda: client.tasks.start(ids.new()), lambda: client.tasks.compare(ids.new())):
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(Conflict):
        client.tasks.follow_up(client.tasks.create(new()).id, FollowUp(prompt="?"))


def test_a_client_of_the_database_is_told_the_defaults_of_types(database: Database) -> None:
    with Client(database.app_url) as client:
        task = client.tasks.create(new())
        done = client.tasks.start(task.id, types={"demo": Options(type="demo", queue="io")})
        assert client.get(done.ids[0]).queue == "io"


def test_what_was_used_is_summed(client: JobsClient, scene: Scene) -> None:
    fence = scene.start()
    scene.do(usage.book(fence, 1, Call(provider="p", model="m", output_tokens=2, cost_usd=Decimal("0.125"))))
    scene.do(usage.book(fence, 2, Call(provider="p", model="n", output_tokens=1)))
    now = datetime.now(UTC)
    found = client.usage_totals(now - DAY, now + DAY, "job")
    assert [(one.key, one.calls, one.unpriced_calls) for one in found.items] == [(str(fence.job_id), 2, 1)]
    assert found.total == Spent(2, 0, 3, 0, 0, Decimal("0.125"), 1)
    assert client.usage_totals(now - 2 * DAY, now - DAY).total == Spent()


@contextmanager
def clients(database: Database, remote: RemoteClient) -> Iterator[list[JobsClient]]:
    with Client(database.app_url) as direct:
        yield [direct, remote]


def test_what_is_awaited_is_the_same(database: Database, remote: RemoteClient, scene: Scene) -> None:
    async def all_of_it(client: JobsClient, name: str) -> None:
        here = client.awaited()
        try:
            await everything(here, name)
        finally:
            if isinstance(here, AsyncRemoteClient):
                await here.aclose()

    async def everything(here: AsyncJobsClient, name: str) -> None:
        project = await here.projects.create(name)
        assert (await here.projects.rename(project.id, f"{name}!")).name == f"{name}!"
        assert (await here.projects.get(project.id)).usage == Spent()
        assert [one.id for one in await here.projects.list(f"{name}!")] == [project.id]
        task = await here.tasks.create(new(project_id=project.id))
        assert (await here.tasks.update(task.id, TaskChange(title="u"))).title == "u"
        done = await here.tasks.start(task.id, Start(type=name))
        scene.complete(await asyncio.to_thread(scene.again, done.ids[0]), '{"session_id": "s"}')
        more = await here.tasks.follow_up(task.id, FollowUp(prompt="q"))
        assert [job.id for job in await here.tasks.compare(task.id)] == [more.ids[0], done.ids[0]]
        assert (await here.tasks.get(task.id)).title == "u"
        assert [one.id for one in await here.tasks.list(TaskFilter(project_id=project.id))] == [task.id]
        spare = await here.tasks.create(new())
        await here.tasks.remove(spare.id)
        empty = await here.projects.create(f"{name} empty")
        await here.projects.remove(empty.id)

    with clients(database, remote) as both:
        for name, client in zip(("direct", "remote"), both, strict=True):
            asyncio.run(all_of_it(client, name))
