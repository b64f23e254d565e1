"""A workspace as its own people fill it over HTTP, with a word of theirs in every free text; and what others may not touch."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from scene import ids as new_ids
from serving import ADMIN, EVERYTHING, Served
from web.remote import Job, Remote

from jobtrail.core import api_keys, callbacks
from jobtrail.core.scopes import Role
from jobtrail.service import deliveries, memberships, signals, upkeep, users
from jobtrail.store.db import ALL, Scope, run

LATER = (datetime.now(UTC) + timedelta(days=3)).isoformat()
LONG_AGO = "2020-01-01T00:00:00Z"


@dataclass
class Tenant:
    """A workspace, a client with a key that may do everything there, and the ids of what it has, by parameter."""

    workspace: UUID
    word: str
    key: str
    http: httpx2.Client
    ids: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    worker: Remote | None = None
    running: Job = field(default_factory=dict)

    def made(self, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
        """What a POST answers."""
        answer = self.http.post(f"/api/v1/{path}", **({"json": body} if "content" not in body else body))
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def job(self, **more: Any) -> str:
        """A job more, with the word wherever text may stand."""
        said = {
            "type": "demo",
            "queue": self.word,
            "title": self.word,
            "tags": [self.word],
            "input": {"word": self.word},
        }
        id: str = self.made("jobs", **said | more)["id"]
        return id

    def begun(self, **more: Any) -> Job:
        """A job that runs."""
        id = self.job(**more)
        assert self.worker is not None
        (job,) = self.worker.claim(types=["demo"])  # its own type stays where it is
        assert job["job_id"] == id
        return job

    def tell(self, job: Job, what: str, said: Any = None, **query: Any) -> Any:
        """What a worker says of an attempt."""
        assert self.worker is not None
        answer = self.worker.tell(job, what, said, **query)
        assert answer.is_success, f"{what}: {answer.text}"
        return answer.json() if answer.content else None


def tenant(web: Served, word: str) -> Tenant:
    """A workspace that has some of everything."""
    workspace = web.workspace(f"{word} ltd")
    key = web.key(workspace=workspace, name=word)
    one = Tenant(workspace, word, key, web.client(key))
    _plan(one)
    _work(one)
    _outside(web, one)
    _spend(one)
    _people(web, one)
    _watch(web, one)
    _plan_times(one)
    one.made(f"queues/{word}-paused/pause", 204, reason=word)
    for part in ("", "-paused"):
        one.made("jobs", type=word, queue=f"{word}{part}", title=word, unique_key=f"{word}{part}", concurrency_key=word)
    one.words |= {"queue": word, "tag": word, "type": word, "text": word, "name": f"{word}.txt", "metric_name": word,
                  "unique_key": word, "digits": one.ids["job_id"].replace("-", "")[-12:],
                  "fingerprint": one.http.get("/api/v1/errors").json()["items"][0]["fingerprint"]}  # fmt: skip
    with closing(web.database.connect()) as conn:
        run(conn, upkeep.measure_queues(datetime.now(UTC).replace(second=0, microsecond=0)), Scope.of(ALL))
    return one


def _plan(one: Tenant) -> None:
    word, ids = one.word, one.ids
    task: dict[str, Any] = {
        "title": word,
        "description": word,
        "prompt": word,
        "config": {"word": word},
        "tags": [word],
    }
    for suffix in ("", " too"):
        ids["project_id"] = one.made("projects", name=f"{word}{suffix}")["id"]
        ids["task_id"] = one.made("tasks", project_id=ids["project_id"], **task)["id"]
    waits = one.job(scheduled_at=LATER, cancel_at=LATER, project_id=ids["project_id"], task_id=ids["task_id"])
    one.job(parent_id=waits, rerun_of=waits, scheduled_at=LATER)
    ids["parent_id"] = ids["rerun_of"] = waits
    once = one.http.post("/api/v1/jobs", json={"type": "demo", "queue": f"{word}-once", "input": {"word": word}},
                         headers={"Idempotency-Key": f"{word} key"})  # fmt: skip
    assert once.status_code == 201
    one.made(f"jobs/{one.job()}/cancel", 200, reason=word)
    for name in (f"{word}.txt", f"{word} 2.txt"):
        file = one.http.post("/api/v1/assets", params={"name": name}, content=word.encode())
        ids["asset_id"] = file.json()["id"]
    one.words["sha256"] = hashlib.sha256(word.encode()).hexdigest()


def _work(one: Tenant) -> None:
    word = one.word
    said = {word: {"description": word, "input_schema": {"title": word}}}
    one.worker = Remote(one.http, queues=[word], lease_seconds=300, version=word, name=word)
    Remote(one.http, queues=[f"{word}-unused"], lease_seconds=300, types=[word], described=said)
    done = one.begun()
    step = one.tell(done, "steps", {"name": word})["step_id"]
    one.tell(done, f"steps/{step}/finish", {"output": {"word": word}, "error": word})
    lines = [{"message": word, "component": word, "operation": word, "correlation_id": word, "details": {"word": word}}]
    one.tell(done, "logs", {"lines": [*lines, word], "step_id": step})
    one.tell(done, "usage", {"number": 1, "provider": word, "model": word, "price_source": word, "cost_usd": "1"})
    one.tell(done, "metrics", {"values": [{"name": word, "value": 1, "unit": word}]})
    for name in (f"{word}.out", f"{word}.more"):
        one.tell(done, "assets", f"{word} made".encode(), name=name)
    one.tell(done, "complete", {"output": {"word": word}, "summary": word})
    failed = one.begun()
    one.tell(failed, "fail", {"message": word, "code": word, "stack": word, "retry": False, "output": {"word": word}})
    asked = one.begun()
    gate = {"question": word, "approvers": [], "needed": 2, "form": {"title": word}}
    one.ids["gate_id"] = one.tell(asked, "gates", gate)["gate_id"]
    one.made(f"jobs/{asked['job_id']}/gates/{one.ids['gate_id']}/approve", 200, comment=word, form={"word": word})
    _ask_around(one)
    one.running = one.begun()
    one.tell(one.running, "progress", {"percent": 40, "stage": word})
    one.tell(one.running, "identity", {"session_id": word})
    one.tell(one.running, "events", {"event": "ai.tool_called", "note": {"tool_name": word}})
    held = one.http.put(f"/api/v1/types/{word}/breaker", json={"mode": "CLOSED", "reason": word})
    assert held.status_code == 200, held.text
    policy = one.http.put("/api/v1/workspace/policy", json={"policy": {word: {"hosts": [word]}}})
    assert policy.status_code == 200, policy.text
    one.tell(one.running, "logs", {"lines": [word] * 3})
    for name in (f"{word}.begun", f"{word}.going"):
        one.tell(one.running, "assets", f"{word} makes".encode(), name=name)
    one.ids |= {
        "step_id": one.tell(one.running, "steps", {"name": word})["step_id"],
        "job_id": one.running["job_id"],
        "attempt_id": one.running["attempt_id"],
        "worker_id": one.worker.id,
    }


def _ask_around(one: Tenant) -> None:
    """Who may answer besides: whoever has a link, and groups."""
    word = one.word
    one.ids["link_id"] = one.made(f"gates/{one.ids['gate_id']}/links", person=word)["link"]["id"]
    for group in (word, f"{word}-too"):
        one.ids["group"] = one.words["group"] = one.made("groups", name=group)["name"]
        one.ids["member"] = one.words["member"] = one.made(
            f"groups/{group}/members", 200, member=f"{word}@example.org"
        )["members"][0]


def _outside(web: Served, one: Tenant) -> None:
    """What others say to a job, the address at which they may, and a job of nexrender's."""
    word, job, uid = one.word, one.running, str(uuid4())
    one.made(f"jobs/{job['job_id']}/signal", 200, name=word, payload={"word": word})
    ids = UUID(job["job_id"]), UUID(job["attempt_id"])
    with closing(web.database.connect()) as conn:
        opened = signals.open_callback(one.workspace, *ids, f"{word} called", b"s" * 32, timedelta(days=3))
        assert run(conn, opened, Scope.of(ALL)) is not None
    one.ids |= {"token": callbacks.token(one.workspace, ids[0], f"{word} called", b"s" * 32), "uid": uid}
    render = {"uid": uid, "template": {"src": word, "composition": word}, "type": word, "tags": word}
    assert one.http.post("/compat/nexrender/api/v1/jobs", json=render).status_code == 200
    one.words["tags"] = word


def _spend(one: Tenant) -> None:
    """Budgets: of a type of jobs, of a queue, and of a job; and limits on them."""
    for scope, name in (("QUEUE", f"{one.word}-told"), ("TYPE", one.word)):
        limited = one.http.put(
            "/api/v1/limits", json={"scope": scope, "name": name, "max_slots": 99, "reason": one.word}
        )
        one.ids["limit_id"] = limited.json()["id"]
    for scope, subject in (("TYPE", one.word), ("QUEUE", one.word), ("TREE", one.ids["job_id"])):
        one.ids["budget_id"] = one.made("budgets", scope=scope, subject=subject, limit_usd="100")["id"]


def _people(web: Served, one: Tenant) -> None:
    key = one.made("api-keys", name=one.word)
    one.ids["key_id"] = key["api_key"]["id"]
    one.words["key"] = key["key"]
    with closing(web.database.connect()) as conn:
        for n in range(2):
            email = f"{one.word}{n}@example.org"
            user = run(conn, users.create(new_ids.new(), email, one.word, None, ADMIN), Scope.of(ALL))
            run(conn, memberships.add(one.workspace, user.id, Role.OWNER, ADMIN, EVERYTHING), Scope.of(ALL))
            one.ids["user_id"] = str(user.id)
    one.words["email"] = f"{one.word}0@example.org"


def _watch(web: Served, one: Tenant) -> None:
    """A webhook, and two deliveries of it."""
    new: dict[str, Any] = {
        "url": f"https://example.org/{one.word}",
        "events": ["*"],
        "types": [one.word, "demo"],
        "description": one.word,
    }
    hook = one.made("webhooks", **new)["webhook"]["id"]
    jobs = [one.job(queue=f"{one.word}-told") for _ in range(2)]
    with closing(web.database.connect()) as conn:
        while len(_deliveries(one, hook)) < len(jobs):
            run(conn, deliveries.dispatch(new_ids.many), Scope.of(ALL))
    one.ids |= {"webhook_id": hook, "delivery_id": _deliveries(one, hook)[0]["id"]}


def _plan_times(one: Tenant) -> None:
    """Two schedules, one of which made two jobs."""
    word = one.word
    said: dict[str, Any] = {"type": word, "expression": "@yearly", "title": word, "input": {"word": word}}
    for name in (word, f"{word} too"):
        made = one.made("schedules", name=name, options={"queue": f"{word}-times", "tags": [word]}, **said)
        one.ids["schedule_id"] = made["id"]
        one.made(f"schedules/{made['id']}/pause", 200, reason=word)
    for _ in range(2):
        one.made(f"schedules/{one.ids['schedule_id']}/run")


def _deliveries(one: Tenant, hook: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = one.http.get(f"/api/v1/webhooks/{hook}/deliveries").json()["items"]
    return found


def unknown(id: str) -> str:
    """An id of the same time that nobody has."""
    return f"{id[:23]}-{uuid4().hex[:12]}"


def unknown_cursor(text: str) -> str:
    """A cursor like this one, at a thing that nobody has."""
    of, place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if isinstance(place, str):
        place = place.replace("@", "x@") if "@" in place else unknown(place)
    return base64.urlsafe_b64encode(json.dumps([of, place]).encode()).decode().rstrip("=")


def with_secret_of(mine: str, key_id: str) -> str:
    """A key that names one id and has the secret of another."""
    _, secret = api_keys.parse(mine)
    return f"jt_{UUID(key_id).hex}_{secret}"
