"""The routes of a nexrender server: what its clients and workers say there, one after another and at once, becomes our jobs'
trail; and none of it brings a worker down."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx2
import pytest
from scene import SERVES_ALL
from serving import Served
from web.remote import enqueue, job_of

from jobtrail.core.scopes import ApiScope
from jobtrail.service import audit, workers
from jobtrail.store.db import run
from jobtrail.store.piecewise import run_each

BASE = "/compat/nexrender/api/v1"
DOCUMENT = {"template": {"src": "file:///a.aep", "composition": "main"}}
Doc = dict[str, Any]


class Node:
    """A nexrender worker, or client, with a name."""

    def __init__(self, web: Served, name: str | None = None, key: str | None = None) -> None:
        headers = {"nexrender-secret": web.key() if key is None else key, "user-agent": "nexrender-worker/1.0"}
        self.http = httpx2.Client(base_url=f"{web.url}{BASE}", timeout=30,
                                  headers=headers | ({"nexrender-name": name} if name else {}))  # fmt: skip
        web.clients.append(self.http)

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return self.http.request(method, path, **({} if body is None else {"json": body}))

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def create(self, **more: Any) -> Doc:
        made: Doc = self.ok("POST", "/jobs", DOCUMENT | more)
        return made

    def pickup(self, path: str = "") -> Doc:
        found: Doc = self.ok("GET", f"/jobs/pickup{path}")
        return found

    def begin(self) -> Doc:
        """Takes a job and says that it has begun, with all of the document, as stock workers do."""
        taken = self.pickup()
        assert taken, "there is nothing to render"
        self.ok("PUT", f"/jobs/{taken['uid']}", taken | {"state": "started", "startedAt": "2026-01-01T00:00:00.000Z"})
        return taken

    def say(self, taken: Doc, state: str, **more: Any) -> httpx2.Response:
        """The short form that stock workers send while they render."""
        short = {"uid": taken["uid"], "state": state, "type": "default", "tags": None, "renderProgress": 0, "error": None,
                 "jobCreator": taken.get("creator"), "jobExecutor": taken.get("executor"), "timings": {}}  # fmt: skip
        return self.ask("PUT", f"/jobs/{taken['uid']}", short | more)


@pytest.fixture
def node(web: Served) -> Node:
    return Node(web, "box-1")


@pytest.fixture
def ours(web: Served) -> httpx2.Client:
    """The same service as we know it."""
    return web.client()


def mine(ours: httpx2.Client, uid: str) -> Doc:
    """Our job of a uid."""
    found = ours.get("/api/v1/jobs", params={"type": "nexrender.render", "limit": 100}).json()["items"]
    details = [job_of(ours, job["id"]) for job in found]
    (one,) = [one for one in details if one["job"]["input"]["uid"] == uid]
    return one


def trail(ours: httpx2.Client, uid: str) -> list[str]:
    return [event["type"] for event in sorted(mine(ours, uid)["events"], key=lambda event: event["seq"])]


def test_a_render_goes_from_created_to_finished(node: Node, ours: httpx2.Client) -> None:
    made = node.create(uid="r1", priority=2, tags="a, b", assets=[], custom={"n": 1})
    assert (made["uid"], made["state"], made["custom"], made["type"]) == ("r1", "queued", {"n": 1}, "default")
    taken = node.begin()
    assert (taken["uid"], taken["state"], taken["template"]) == ("r1", "picked", DOCUMENT["template"])
    assert node.ok("GET", "/jobs/r1")["state"] == "started"
    node.say(taken, "render:dorender", renderProgress=20)
    assert mine(ours, "r1")["job"]["progress"] == 20
    for percent in (21, 40):
        assert node.say(taken, "render:dorender", renderProgress=percent).json()["renderProgress"] == percent
    status = node.ok("GET", "/jobs/r1/status")
    assert (status["state"], status["renderProgress"], status["jobExecutor"]) == (
        "render:dorender",
        40,
        taken["executor"],
    )
    assert node.say(taken, "finished", finishedAt="2026-01-01T00:01:00.000Z").json()["state"] == "finished"
    found = mine(ours, "r1")
    job = found["job"]
    assert (job["status"], job["type"], job["queue"], job["priority"]) == (
        "COMPLETED",
        "nexrender.render",
        "nexrender",
        7,
    )
    assert (job["tags"], job["title"], job["stage"]) == (["a", "b"], "main", "render:dorender")
    assert found["result"]["output"]["finishedAt"] == "2026-01-01T00:01:00.000Z"
    told = trail(ours, "r1")
    assert told[:2] == ["job.created", "job.started"] and told[-1] == "job.completed" and "job.progress" in told


def test_the_same_uid_with_the_same_document_is_the_same_job(node: Node, ours: httpx2.Client) -> None:
    with ThreadPoolExecutor(8) as many:
        made = list(many.map(lambda _: node.create(uid="twice"), range(8)))
    assert {one["createdAt"] for one in made} == {made[0]["createdAt"]}
    assert len(ours.get("/api/v1/jobs").json()["items"]) == 1
    other = node.ask("POST", "/jobs", DOCUMENT | {"uid": "twice", "output": "elsewhere"})
    assert (other.status_code, other.headers["content-type"]) == (409, "text/plain; charset=utf-8")
    assert "'twice' already" in other.text


def test_without_a_uid_each_is_a_job_of_its_own(node: Node) -> None:
    assert node.create()["uid"] != node.create()["uid"]
    assert len(node.ok("GET", "/jobs")) == 2


@pytest.mark.parametrize(
    "document",
    [{}, {"template": {}}, {"template": {"src": "x"}}, {"template": 1}, DOCUMENT | {"assets": [{"src": "x"}]},
     DOCUMENT | {"assets": [{"type": "image", "src": "x"}]}, DOCUMENT | {"assets": [{"type": "data", "layerName": "l"}]},
     DOCUMENT | {"assets": {}}, DOCUMENT | {"assets": [1]}, DOCUMENT | {"actions": {"postrender": [{}]}},
     DOCUMENT | {"uid": "a/b"}, DOCUMENT | {"uid": "pickup"}, DOCUMENT | {"uid": 7}, DOCUMENT | {"uid": "x" * 201},
     DOCUMENT | {"jobtrail": {"max_attempts": 0}}, DOCUMENT | {"tags": "a\u0000b"}],
)  # fmt: skip
def test_what_nexrender_refuses_is_refused_in_its_way(node: Node, document: Doc) -> None:
    answer = node.ask("POST", "/jobs", document)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert node.ok("GET", "/jobs") == []


def test_what_would_bring_a_worker_down_is_left_out_of_the_document(node: Node) -> None:
    node.create(uid="r", onChange="x", onRenderProgress="y", state="finished", executor="me")
    taken = node.pickup()
    assert not {"onChange", "onRenderProgress"} & set(taken)
    assert (taken["state"], taken["executor"].partition("/")[0]) == ("picked", "box-1")


def test_many_workers_take_each_job_once(web: Served, node: Node) -> None:
    for n in range(20):
        node.create(uid=f"r{n}")
    nodes = [Node(web, f"box-{n}") for n in range(6)]
    with ThreadPoolExecutor(6) as many:
        taken = [one for one in many.map(lambda n: nodes[n % 6].pickup(), range(30)) if one]
    assert sorted(one["uid"] for one in taken) == sorted(f"r{n}" for n in range(20))
    assert node.pickup() == {}


def test_the_urgent_are_taken_first_and_then_the_oldest(node: Node) -> None:
    for uid, priority in (("a", 0), ("b", 0), ("c", 3)):
        node.create(uid=uid, priority=priority)
    assert [node.pickup()["uid"] for _ in range(3)] == ["c", "a", "b"]


def test_a_worker_takes_what_has_its_tags_or_types(node: Node) -> None:
    node.create(uid="plain")
    node.create(uid="tagged", tags="gpu,eu")
    node.create(uid="typed", type="special")
    assert node.pickup("/us") == {}
    assert node.pickup("/us,eu")["uid"] == "tagged"
    assert node.pickup("?types=special,other")["uid"] == "typed"
    assert node.pickup("?types=default")["uid"] == "plain"


def test_a_paused_queue_gives_nothing_out(node: Node, ours: httpx2.Client) -> None:
    node.create()
    ours.post("/api/v1/queues/nexrender/pause", json={})
    assert node.pickup() == {}
    ours.post("/api/v1/queues/nexrender/resume")
    assert node.pickup() != {}


def test_an_error_is_the_end_unless_the_job_asks_for_more_tries(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="once")
    shown = node.say(node.begin(), "error", error="aerender: boom", errorAt="2026-01-01T00:00:00.000Z").json()
    assert (shown["state"], shown["error"]) == ("error", ["aerender: boom"])
    job = mine(ours, "once")["job"]
    assert (job["status"], job["error_code"], job["error_message"]) == ("FAILED", "render_failed", "aerender: boom")
    node.create(uid="again", jobtrail={"max_attempts": 2})
    assert node.say(node.begin(), "error", error=["boom"]).json()["state"] == "queued"
    assert (mine(ours, "again")["job"]["status"], mine(ours, "again")["job"]["wait_reason"]) == ("PENDING", "RETRY")


@pytest.mark.parametrize("said", [b"a\\u0000b", b"\\ud800", b"x" * (3 << 20)])
def test_whatever_a_worker_prints_is_no_reason_to_lose_its_word(node: Node, ours: httpx2.Client, said: bytes) -> None:
    node.create(uid="r")
    taken = node.begin()
    body = b'{"state": "error", "error": ["%s"], "jobExecutor": "%s"}' % (said, taken["executor"].encode())
    answer = node.http.put("/jobs/r", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["state"]) == (200, "error")
    assert mine(ours, "r")["job"]["error_code"] == "render_failed"


def test_a_worker_that_stops_gives_its_job_back(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="r")
    taken = node.begin()
    assert node.say(taken, "queued").json()["state"] == "queued"
    assert mine(ours, "r")["attempts"][0]["status"] == "INTERRUPTED"
    again = node.pickup()
    assert again["uid"] == "r" and again["executor"] != taken["executor"]
    assert not {"error", "startedAt"} & set(again)


def test_a_worker_that_vanished_changes_nothing_more(web: Served, node: Node, ours: httpx2.Client) -> None:
    """And hears no error, for it would stop at one; only that it begins is refused."""
    node.create(uid="r")
    lost = node.begin()
    with closing(web.database.connect()) as conn:
        held = mine(ours, "r")["attempts"][0]["worker_id"]
        (found,) = run(conn, workers.rescue([held]), SERVES_ALL)
    assert found.status == "QUEUED"
    second = Node(web, "box-2")
    mine_now = second.begin()
    for state in ("render:dorender", "finished", "error", "queued"):
        assert node.say(lost, state, renderProgress=99).json()["state"] == "started"
    assert node.say(lost, "started").status_code == 409
    assert second.say(mine_now, "finished").json()["state"] == "finished"
    assert [one["status"] for one in mine(ours, "r")["attempts"]] == ["LOST", "COMPLETED"]
    assert node.say(lost, "finished").json()["state"] == "finished", "told twice"


def test_who_names_no_attempt_speaks_for_its_own_render_only(web: Served, node: Node) -> None:
    node.create(uid="r")
    node.pickup()
    other = Node(web, "box-2")
    assert other.ok("PUT", "/jobs/r", {"state": "finished"})["state"] == "picked"
    assert other.ask("PUT", "/jobs/r", {"state": "started"}).status_code == 409
    assert node.ok("PUT", "/jobs/r", {"state": "render:setup"})["state"] == "render:setup"


def test_a_worker_of_old_takes_what_it_found_in_the_list_and_only_one_does(
    web: Served, node: Node, ours: httpx2.Client
) -> None:
    """They never ask for a pickup: they choose from the list, and say that they have started."""
    node.create(uid="r")
    (chosen,) = [one for one in node.ok("GET", "/jobs") if one["state"] == "queued"]
    nodes = [Node(web, f"old-{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as many:
        answers = list(many.map(lambda one: one.ask("PUT", "/jobs/r", chosen | {"state": "started"}), nodes))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    winner = nodes[[answer.status_code for answer in answers].index(200)]
    assert winner.ok("PUT", "/jobs/r", chosen | {"state": "finished"})["state"] == "finished"
    assert len(mine(ours, "r")["attempts"]) == 1


def test_a_cancelled_render_ends_at_its_workers_next_word(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="r")
    taken = node.begin()
    job_id = mine(ours, "r")["job"]["id"]
    assert ours.post(f"/api/v1/jobs/{job_id}/cancel", json={"reason": "no longer wanted"}).status_code == 200
    assert node.ok("GET", "/jobs/r")["state"] == "started"
    shown = node.say(taken, "render:dorender", renderProgress=50).json()
    assert (shown["state"], shown["error"]) == ("error", ["cancelled: no longer wanted"])
    assert shown["template"] == DOCUMENT["template"], "a worker cannot go on without"
    assert mine(ours, "r")["job"]["status"] == "CANCELLED"
    assert node.say(taken, "finished").json()["state"] == "error"


def test_a_render_that_was_cancelled_before_it_began_is_left_alone(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="r")
    taken = node.pickup()
    ours.post(f"/api/v1/jobs/{mine(ours, 'r')['job']['id']}/cancel", json={})
    answer = node.say(taken, "started")
    assert (answer.status_code, "cancelled" in answer.text) == (409, True)
    assert mine(ours, "r")["job"]["status"] == "CANCELLED"


def test_a_limit_holds_for_renders_too(node: Node, ours: httpx2.Client) -> None:
    for uid in ("a", "b"):
        node.create(uid=uid)
    assert ours.put("/api/v1/queues/nexrender/limits", json={"max_slots": 1}).status_code == 200
    taken = node.begin()
    assert not node.pickup()
    node.say(taken, "error", error="it broke")
    assert node.pickup()


def test_what_is_removed_is_cancelled_and_hidden_and_its_uid_is_free(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="r")
    assert node.ok("DELETE", "/jobs/r") == {"id": "r", "removed": True}
    assert node.ok("DELETE", "/jobs/r") == {"id": "r", "removed": True}
    assert node.ok("DELETE", "/jobs/never-was") == {"id": "never-was", "removed": True}
    assert node.ask("GET", "/jobs/r").status_code == 404
    assert node.ok("GET", "/jobs") == []
    assert mine(ours, "r")["job"]["status"] == "CANCELLED"
    assert node.create(uid="r", output="new")["state"] == "queued"
    taken = node.begin()
    node.ok("DELETE", "/jobs/r")
    assert node.say(taken, "render:setup").json()["state"] == "error"


def test_a_client_changes_what_waits_and_puts_back_what_failed(node: Node, ours: httpx2.Client) -> None:
    node.create(uid="r")
    assert node.ok("PUT", "/jobs/r", {"priority": 3, "tags": "x"})["priority"] == 3
    job = mine(ours, "r")["job"]
    assert (job["priority"], job["tags"]) == (8, ["x"])
    assert node.ok("PUT", "/jobs/r", node.ok("GET", "/jobs/r") | {"priority": 1})["priority"] == 1
    assert (mine(ours, "r")["job"]["priority"], mine(ours, "r")["job"]["tags"]) == (6, ["x"])
    refused = node.ask("PUT", "/jobs/r", {"output": "elsewhere"})
    assert (refused.status_code, "output cannot be changed" in refused.text) == (409, True)
    node.say(node.begin(), "error", error="boom")
    assert node.ok("PUT", "/jobs/r", node.ok("GET", "/jobs/r") | {"state": "queued"})["state"] == "queued"
    assert mine(ours, "r")["job"]["generation"] == 2
    node.say(node.begin(), "finished")
    assert node.ask("PUT", "/jobs/r", {"state": "queued"}).status_code == 409


def test_who_is_not_there_is_not_there(node: Node) -> None:
    for method, path in (("GET", "/jobs/x"), ("GET", "/jobs/x/status"), ("PUT", "/jobs/x")):
        answer = node.ask(method, path, {"state": "started"} if method == "PUT" else None)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")


def test_the_key_says_who_comes_and_what_they_may(web: Served, node: Node) -> None:
    assert node.ok("GET", "/jobs/status") == []
    assert httpx2.get(f"{web.url}{BASE}/health").text == "ok"
    for key in ("", "jt_nonsense", "x"):
        assert Node(web, key=key).ask("GET", "/jobs").status_code == 401
    reader = Node(web, key=web.key(scopes={ApiScope.JOBS_READ}))
    assert reader.ok("GET", "/jobs") == []
    assert reader.ask("GET", "/jobs/pickup").status_code == 403
    theirs = Node(web, "box-1", web.key(workspace=web.workspace("theirs")))
    node.create(uid="r")
    assert theirs.pickup() == {} and theirs.ask("GET", "/jobs/r").status_code == 404
    assert theirs.create(uid="r", output="theirs")["output"] == "theirs"
    assert node.ok("GET", "/jobs/r")["output"] == ""


def test_a_job_that_was_enqueued_as_any_other_is_rendered_too(node: Node, ours: httpx2.Client) -> None:
    id = enqueue(ours, type="nexrender.render", queue="nexrender", input=DOCUMENT)
    taken = node.begin()
    assert (taken["uid"], taken["template"]) == (id, DOCUMENT["template"])
    node.say(taken, "finished")
    assert job_of(ours, id)["job"]["status"] == "COMPLETED"


def test_a_render_says_why_it_waits_and_who_has_it(node: Node, ours: httpx2.Client) -> None:
    node.pickup()
    node.create(uid="r")
    assert "as soon as a worker has a free slot" in mine(ours, "r")["why"]
    node.begin()
    assert "box-1" in mine(ours, "r")["why"]


def test_a_worker_that_does_not_begin_is_missed_soon_and_one_that_renders_late(web: Served, node: Node) -> None:
    node.create(uid="r")
    taken = node.pickup()
    assert _leases(web) == [60.0, 300.0]
    node.say(taken, "started")
    assert _leases(web) == [300.0, 3_600.0]


def _leases(web: Served) -> list[float]:
    with closing(web.database.connect()) as conn:
        return sorted(row[0] for row in conn.execute("select lease_seconds from jobtrail.workers").fetchall())


def test_what_is_said_at_once_is_answered_one_after_the_other(web: Served, ours: httpx2.Client) -> None:
    """Takers, workers, clients that remove and change, over the same few uids: no deadlock, no error of ours, one end each."""
    uids = [f"r{n}" for n in range(4)]

    def act(seed: int) -> set[int]:
        node, dice = Node(web, f"box-{seed}", key), random.Random(seed)
        seen = set()
        taken: list[Doc] = []
        for _ in range(40):
            uid = dice.choice(uids)
            what = dice.randrange(6)
            if what == 0:
                answer = node.ask("POST", "/jobs", DOCUMENT | {"uid": uid})
            elif what == 1:
                answer = node.ask("GET", "/jobs/pickup")
                taken += [one for one in [answer.json()] if one]
            elif what == 2:
                answer = node.ask("DELETE", f"/jobs/{uid}")
            elif what == 3:
                answer = node.ask("PUT", f"/jobs/{uid}", {"state": dice.choice(["queued", "started"]), "priority": 1})
            else:
                said = dice.choice(["started", "render:dorender", "finished", "error", "queued"])
                job = dice.choice(taken) if taken else {"uid": uid}
                answer = node.say(job, said, renderProgress=dice.randrange(100))
            seen.add(answer.status_code)
        return seen

    key = web.key()
    with ThreadPoolExecutor(6) as many:
        assert set().union(*many.map(act, range(6))) <= {200, 404, 409}
    with closing(web.database.connect()) as conn:
        report = run_each(conn, audit.verify([]), SERVES_ALL)
    assert [finding for finding in report.findings if finding.kind != "unsealed"] == []


def test_the_trail_of_all_this_holds(web: Served, node: Node, ours: httpx2.Client) -> None:
    for n in range(3):
        node.create(uid=f"r{n}")
    node.say(node.begin(), "finished")
    node.say(node.begin(), "error", error="boom")
    node.say(node.begin(), "queued")
    node.ok("DELETE", "/jobs/r2")
    with closing(web.database.connect()) as conn:
        report = run_each(conn, audit.verify([]), SERVES_ALL)
    assert [finding for finding in report.findings if finding.kind != "unsealed"] == []
    assert report.jobs == 3
