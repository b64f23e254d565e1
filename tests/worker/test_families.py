"""Jobs that start jobs, at a real worker: run, map, gather, their failures, and what becomes of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Database
from worker import families
from worker.at_work import Scene

from jobtrail.app import Call
from jobtrail.client import Client
from jobtrail.core.errors import Conflict
from jobtrail.service.jobs import Filter


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with Client(database.app_url) as client:
        families.app.connect(client)
        yield Scene(database, families.app, client, tmp_path)
    families.app.connect(None)


def test_a_child_runs_while_its_parent_holds_no_slot(scene: Scene) -> None:
    """There is one slot: were the parent to keep it, nothing would move."""
    handle = families.one.enqueue(text="four")
    with scene.work(slots=1):
        assert scene.ends(handle).status == "COMPLETED"
    assert handle.result() == 4
    children = scene.client.list_jobs(Filter(parent_id=handle.id))
    assert [(child.type, child.status, child.root_id) for child in children] == [("measure", "COMPLETED", handle.id)]
    assert families.before[str(handle.id)] == 1, "the step before the child was remembered"


def test_a_map_answers_in_the_order_of_its_items(scene: Scene) -> None:
    handle = families.many.enqueue(["a", "bbb", "cc"])
    with scene.work(slots=2):
        scene.ends(handle)
    assert handle.result() == [1, 3, 2]


def test_a_map_can_keep_what_failed(scene: Scene) -> None:
    handle = families.most.enqueue(["a", "", "cc"])
    with scene.work(slots=2):
        scene.ends(handle)
    assert handle.result() == ["a", "FAILED", "cc"]


def test_jobs_of_different_types_run_side_by_side(scene: Scene) -> None:
    handle = families.both.enqueue("abc")
    with scene.work(slots=2):
        scene.ends(handle)
    assert handle.result() == "ABC 3"
    assert scene.client.get(handle.id).attempt_count == 2, "both were awaited together"


def test_a_parent_whose_child_fails_fails_at_once_and_says_which(scene: Scene) -> None:
    handle = families.many.enqueue(["a", ""])
    with scene.work(slots=2):
        job = scene.ends(handle)
    assert (job.status, job.error_code) == ("FAILED", "child_failed")
    bad = next(one for one in scene.client.list_jobs(Filter(parent_id=handle.id)) if one.status == "FAILED")
    assert str(bad.id) in (job.error_message or "")
    assert "nothing to measure" in (job.error_message or "")
    with pytest.raises(Conflict):
        handle.result()


def test_code_may_go_on_without_a_child_that_failed(scene: Scene) -> None:
    handle = families.forgiving.enqueue()
    with scene.work(slots=2):
        scene.ends(handle)
    assert handle.result() == 3


@pytest.mark.parametrize("family", [families.sync_family, families.isolated_family], ids=["sync", "process"])
def test_sync_code_and_code_in_a_process_start_jobs_too(scene: Scene, family: Call[[list[str]], list[object]]) -> None:
    handle = family.enqueue(["a", "bb"])
    with scene.work(slots=2):
        job = scene.ends(handle)
        assert job.status == "COMPLETED", job
    assert handle.result() == ["A", [1, 2], "BB", 2]


def test_a_retry_of_a_parent_retries_the_children_that_did_not_complete_and_no_others(scene: Scene) -> None:
    families.broken.add("b")
    handle = families.needs_two.enqueue(["a", "b", "c"])
    with scene.work(slots=2):
        assert scene.ends(handle).error_code == "child_failed"
        families.broken.clear()
        scene.client.retry(handle.id)
        assert scene.ends(handle).status == "COMPLETED"
    assert handle.result() == ["a", "b", "c"]
    children = scene.client.list_jobs(Filter(parent_id=handle.id))
    assert len(children) == 3, "they are the same jobs as before"
    assert {child.input["text"]: child.attempt_count for child in children if child.input["text"] != "c"} == {
        "a": 1,
        "b": 2,
    }


def test_a_job_waits_for_one_that_its_unique_key_found(scene: Scene) -> None:
    there = families.measure.using(unique_key="the only one", queue="later").enqueue(text="alone")
    handle = families.once_per_key.enqueue()
    with scene.work(slots=2):
        scene.until(handle, "PENDING")
    with scene.work(slots=2, queues=("default", "later")):
        scene.ends(handle)
    assert handle.result() == 5
    assert scene.client.list_jobs(Filter(parent_id=handle.id)) == []
    assert there.job().status == "COMPLETED"


def test_results_of_other_jobs_are_arguments_before_they_are_there(scene: Scene) -> None:
    """The parts are told apart by where they stand, and the stored input stays as it was given."""
    length = families.measure.enqueue(text="abc")
    pair = families.sync_family.enqueue(["a", "bb"])
    total = families.adds.enqueue(one=length.output["letters"], more=[pair.output[1][0], pair.output[1][1], 10])
    assert total.job().wait_reason == "DEPENDENCY"
    with scene.work(slots=2):
        scene.ends(total)
    assert total.result() == 3 + 1 + 2 + 10
    assert total.job().input["one"] == {"$result": str(length.id), "path": ["letters"]}


def test_an_argument_that_is_no_part_of_the_result_fails_the_job_with_its_path(scene: Scene) -> None:
    length = families.measure.enqueue(text="abc")
    handle = families.adds.enqueue(one=length.output["digits"], more=[])
    with scene.work(slots=2):
        job = scene.ends(handle)
    assert (job.status, job.error_code) == ("FAILED", "invalid")
    assert "has no ['digits']" in (job.error_message or "")


def test_a_batch_ends_in_a_job_that_knows_how_all_of_it_ended(scene: Scene) -> None:
    wanted = [families.measure.new(text=text) for text in ("a", "", "ccc")]
    batch = families.app.enqueue_batch(wanted, then=families.told.new())
    with scene.work(slots=2):
        scene.client.wait(batch.id)
    result = scene.client.result(batch.id)
    assert result is not None
    assert result.output == {
        str(id): status for id, status in zip(batch.jobs, ["COMPLETED", "FAILED", "COMPLETED"], strict=True)
    }


def test_a_job_that_is_retried_before_what_it_needs_says_which_one_to_retry(scene: Scene) -> None:
    families.broken.add("x")
    need = families.mended.enqueue("x")
    handle = families.shout.enqueue(text=need.output)
    with scene.work(slots=2):
        assert scene.ends(handle).error_code == "dependency_failed"
        scene.client.retry(handle.id)
        job = scene.ends(handle)
        assert (job.error_code, job.status) == ("dependency_failed", "FAILED")
        assert f"job {need.id}, which it needs, is FAILED; retry that one first" in (job.error_message or "")
        families.broken.clear()
        scene.client.retry(need.id)
        scene.client.retry(handle.id)
        scene.ends(handle)
    assert handle.result() == "X"


def test_a_tree_ends_with_its_root(scene: Scene) -> None:
    handle = families.waits_for_children.enqueue()
    with scene.work(slots=1):
        scene.until(handle, "PENDING")
        scene.client.cancel(handle.id, "enough")
        scene.ends(handle)
        (child,) = scene.client.list_jobs(Filter(parent_id=handle.id))
        assert scene.client.wait(child.id).job.status == "CANCELLED"


def test_a_rerun_waits_for_the_same_results(scene: Scene) -> None:
    length = families.measure.enqueue(text="abc")
    total = families.adds.enqueue(one=length.output["letters"], more=[])
    with scene.work(slots=2):
        scene.ends(total)
        again = scene.client.rerun(total.id)
        assert scene.client.wait(again).job.status == "COMPLETED"
    result = scene.client.result(again)
    assert result is not None and result.output == 3
