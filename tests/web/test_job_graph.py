"""What waits for what, over HTTP: batches whose jobs name each other, references, the lists and the tree."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from database import Connection
from scene import Scene
from web.remote import Remote, enqueue, job_of

from jobtrail.service import settling


def batch(http: httpx2.Client, *jobs: dict[str, Any]) -> list[str]:
    answer = http.post("/api/v1/jobs/batch", json={"jobs": [{"type": "demo", **job} for job in jobs]})
    assert answer.status_code == 201, answer.text
    return [one["id"] for one in answer.json()["items"]]


def get(http: httpx2.Client, path: str) -> dict[str, Any]:
    answer = http.get(f"/api/v1/jobs/{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_jobs_of_a_batch_name_each_other_by_their_places(http: httpx2.Client) -> None:
    first, second = batch(
        http, {}, {"after": [0], "on_dependency": "RUN", "input": {"rows": {"$result": 0, "path": ["n"]}}}
    )
    job = get(http, second)["job"]
    assert (job["status"], job["wait_reason"], job["on_dependency"]) == ("PENDING", "DEPENDENCY", "RUN")
    assert job["input"] == {"rows": {"$result": first, "path": ["n"]}}
    (one,) = get(http, f"{second}/dependencies")["items"]
    assert (one["job_id"], one["needs_id"], one["met_as"], one["is_child"]) == (second, first, None, False)
    assert get(http, f"{first}/dependencies")["items"] == [{**one, "status": "PENDING"}]


def test_a_result_that_the_input_refers_to_is_waited_for(http: httpx2.Client) -> None:
    (first,) = batch(http, {})
    answer = http.post("/api/v1/jobs", json={"type": "demo", "input": {"all": [{"$result": first}]}})
    assert answer.status_code == 201, answer.text
    assert get(http, answer.json()["id"])["job"]["wait_reason"] == "DEPENDENCY"


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ({"after": [7]}, "7 is no place in this batch"),
        ({"after": [0]}, "wait for each other"),
        ({"after": ["01890a5d-ac96-774b-bcce-b302099a8057"]}, "is not there"),
        ({"input": {"$result": "not an id"}}, "a reference to a result is written"),
        ({"depends_mode": "SOME"}, "depends_mode"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(http: httpx2.Client, job: dict[str, Any], says: str) -> None:
    answer = http.post("/api/v1/jobs/batch", json={"jobs": [{"type": "demo", **job}, {"type": "demo"}]})
    assert answer.status_code == 422, answer.text
    assert says in answer.text


def test_a_tree_tells_how_all_below_a_job_stand(http: httpx2.Client) -> None:
    (root,) = batch(http, {})
    children = batch(http, {"parent_id": root}, {"parent_id": root})
    (below,) = batch(http, {"parent_id": children[0]})
    tree = get(http, f"{root}/tree")
    assert [(one["id"], one["depth"], one["children"]) for one in tree["items"]] == [
        (root, 0, 2), (children[0], 1, 1), (children[1], 1, 0), (below, 2, 0),
    ]  # fmt: skip
    assert (tree["total"]["jobs"], tree["more"]) == (4, False)
    assert get(http, f"{root}/tree?limit=1")["more"]


def settle(conn: Connection) -> None:
    scene = Scene(conn)
    while scene.do(settling.page()).moved:
        pass


def test_a_worker_in_any_language_starts_jobs_and_waits_for_them(http: httpx2.Client, conn: Connection) -> None:
    remote, parent = Remote(http), enqueue(http)
    job = remote.one()
    wanted = {"key": "parts", "jobs": [{"type": "demo", "input": {"n": n}} for n in range(2)]}
    answer = remote.tell(job, "children", wanted)
    begun = answer.json()
    assert answer.status_code == 202
    assert [one["status"] for one in begun["items"]] == ["QUEUED", "QUEUED"] and not begun["over"]
    assert job_of(http, parent)["job"]["wait_reason"] == "CHILD"
    for child in remote.claim(limit=2):
        assert job_of(http, child["job_id"])["job"]["parent_id"] == parent
        remote.tell(child, "complete", {"output": child["input"]["n"] * 10})
    settle(conn)
    ended = remote.tell(remote.one(), "children", wanted).json()
    assert ended["over"]
    assert [(one["status"], one["result"]) for one in ended["items"]] == [("COMPLETED", 0), ("COMPLETED", 10)]
    assert [one["job_id"] for one in ended["items"]] == [one["job_id"] for one in begun["items"]], "no second ones"


def test_a_worker_in_any_language_gets_results_in_the_place_of_references(
    http: httpx2.Client, conn: Connection
) -> None:
    remote = Remote(http)
    batch(http, {}, {"after": [0], "input": {"of": {"$result": 0, "path": ["deep", 1]}}})
    remote.tell(remote.one(), "complete", {"output": {"deep": [1, "two"]}})
    settle(conn)
    assert remote.one()["input"] == {"of": "two"}
