"""What workers say of the types that they run: who speaks, how many run it, and that nobody hears of another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

import pytest
from database import Clock, Connection, Database
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.described import Described, KnownType, fitted
from jobtrail.service import types, workers, workspaces
from jobtrail.service.workers import NewWorker
from jobtrail.store.db import Scope, run

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def start(
    scene: Scene,
    *names: str,
    says: Mapping[str, Described] | None = None,
    workspace: UUID | None = None,
    lease_seconds: float = 30.0,
) -> UUID:
    new = NewWorker(
        id=uuid4(), name="w", host="h", host_id="boot", process_id=1, process_started=0.0, lock_key=0,
        lease_seconds=lease_seconds, slots=1, version="0", queues=("default",), types=names, workspace_id=workspace,
        described=fitted(says or {}).text,
    )  # fmt: skip
    scene.do(workers.register(new))
    return new.id


def listed(scene: Scene, workspace: UUID = WORKSPACE) -> dict[str, KnownType]:
    return {one.type: one for one in scene.do(types.listed(workspace))}


def test_a_type_is_told_with_its_workers_and_what_they_say(scene: Scene) -> None:
    for _ in range(2):
        start(scene, "a", "b", says={"a": Described("Does a.", SCHEMA, has_check=True)})
    start(scene, "b", "jobtrail.bulk")
    a, b = listed(scene).values()
    assert asdict(a) == {
        "type": "a", "source": "workers", "origin": None, "description": "Does a.", "has_check": True, "workers": 2,
        "error": None, "input_schema": None,
    }  # fmt: skip
    assert (b.type, b.workers, b.description, b.has_check) == ("b", 3, None, None)
    one = scene.do(types.get(WORKSPACE, "a"))
    assert one is not None and one.input_schema == SCHEMA
    assert asdict(one) | {"input_schema": None} == asdict(a)


def test_the_newest_worker_that_says_something_speaks(scene: Scene, clock: Clock) -> None:
    clock.freeze()
    start(scene, "a", says={"a": Described("Old.", {"x": 1})})
    clock.advance(seconds=1)
    start(scene, "a", "z", says={"a": Described("New.", {"x": 2})})
    clock.advance(seconds=1)
    start(scene, "a", "y")
    assert listed(scene)["a"].description == "New."
    one = scene.do(types.get(WORKSPACE, "a"))
    assert one is not None and (one.description, one.input_schema, one.workers) == ("New.", {"x": 2}, 3)


def test_workers_that_stopped_or_are_lost_do_not_count_but_are_remembered(scene: Scene, clock: Clock) -> None:
    clock.freeze()
    stopped = start(scene, "a", says={"a": Described("Does a.")})
    start(scene, "b", says={"b": Described("Does b.")}, lease_seconds=1)
    scene.do(workers.stop([stopped], "stopped"))
    clock.advance(seconds=2)
    assert {type: (one.workers, one.description) for type, one in listed(scene).items()} == {
        "a": (0, "Does a."),
        "b": (0, "Does b."),
    }


@pytest.mark.parametrize("name", ["nothing", "jobtrail.bulk", "A"])
def test_what_no_worker_knows_is_nothing(scene: Scene, name: str) -> None:
    start(scene, "a", "jobtrail.bulk", says={"a": Described("Does a.")})
    assert scene.do(types.get(WORKSPACE, name)) is None


def test_workers_of_another_workspace_say_nothing_here(scene: Scene, database: Database) -> None:
    other = ids.new()
    scene.do(workspaces.create(other, "other", ME))
    start(scene, "shared", says={"shared": Described("Of all.")})
    start(
        scene,
        "shared",
        "theirs",
        says={"shared": Described("Theirs!"), "theirs": Described("Theirs!")},
        workspace=other,
    )
    start(scene, "ours", says={"ours": Described("Ours.")}, workspace=WORKSPACE)
    for run_as in (_serving_all(scene), _as_a_tenant(database, WORKSPACE)):
        found = {one.type: one for one in run_as(types.listed(WORKSPACE))}
        assert {type: (one.workers, one.description) for type, one in found.items()} == {
            "ours": (1, "Ours."),
            "shared": (1, "Of all."),
        }
        assert run_as(types.get(WORKSPACE, "theirs")) is None
        shared = run_as(types.get(WORKSPACE, "shared"))
        assert (shared.workers, shared.description) == (1, "Of all.")
    # whoever asks for another one's is answered with what is everybody's
    assert [one.type for one in _as_a_tenant(database, WORKSPACE)(types.listed(other))] == ["shared"]


def test_a_type_may_have_any_name(scene: Scene) -> None:
    names = ["{}", 'a"b', "ä é", "content.diagram", "a\\b"]
    start(scene, *names, says={name: Described(name, {"n": name}) for name in names})
    assert {type: one.description for type, one in listed(scene).items()} == {name: name for name in names}
    for name in names:
        one = scene.do(types.get(WORKSPACE, name))
        assert one is not None and one.input_schema == {"n": name}


def _serving_all(scene: Scene) -> Any:
    return scene.do


def _as_a_tenant(database: Database, workspace: UUID) -> Any:
    def do(work: Any) -> Any:
        conn: Connection = database.connect(None)
        try:
            return run(conn, work, Scope.of(workspace))
        finally:
            conn.close()

    return do
