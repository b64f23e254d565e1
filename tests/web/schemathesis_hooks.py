"""Loaded by schemathesis, in its own process: aims two of three valid requests at things that are there and that
it may change, so that not all are answered with 404. What is invalid stays as it was made up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx2
import schemathesis
from schemathesis.generation.meta import TestPhase
from web.remote import Job, Remote, enqueue

LATER = "2100-01-01T00:00:00Z"
LONGEST_WAIT_SECONDS = 0.05
MOST_WEBHOOKS = 60
MOST_SILENT = 1
LAST_SEQ = 2_147_483_647
FEW = 100

Ids = dict[str, str]

_REMOVES = re.compile("(remove_(task|project|asset|webhook|render|schedule)|revoke_key|(change|replay)_webhook)$")
"""What would take away what others are aimed at."""


class Aim:
    """A client of the service, a worker that lives on, and an attempt in its hands, whatever was said of both."""

    def __init__(self, url: str, key: str, ids: Ids, queue: str) -> None:
        self.http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self.key_id = self.http.get("/api/v1/me").json()["actor_id"]
        self.ids, self.queue = ids, queue
        self.turns, self.silent = count(), count()
        self._remote: Remote | None = None
        self._job: Job | None = None
        self.kept = {*ids.values(), self.key_id}
        self.fresh: dict[str, Callable[[], Ids]] = {
            "cancel_job": lambda: {"job_id": self.enqueued()},
            "signal_job": lambda: {"job_id": self.enqueued()},
            "remove_render": self.rendered,
            "change_job": lambda: {"job_id": self.enqueued()},
            "start_job_now": lambda: {"job_id": self.enqueued(scheduled_at=LATER)},
            "retry_job": self.cancelled,
            "fork_job": self.stepped,
            "pause_queue_of_worker": lambda: {"queue": self.queue},
            "resume_queue_of_worker": lambda: {"queue": self.queue},
            "get_result": self.completed,
            "approve_gate": self.asked,
            "reject_gate": self.asked,
            "withdraw_decision": self.half_decided,
            "change_budget": self.granted,
            "revoke_key": lambda: {"key_id": self.made("api-keys", name="short-lived")["api_key"]["id"]},
            "start_task": lambda: {"task_id": self.made("tasks", title="to do")["id"]},
            "follow_up_task": self.spoken,
            "remove_task": lambda: {"task_id": self.made("tasks", title="short-lived")["id"]},
            "remove_project": lambda: {"project_id": self.made("projects", name=f"p{next(self.turns)}")["id"]},
            "remove_asset": self.uploaded,
            "change_webhook": self.watched,
            "remove_webhook": self.watched,
            "replay_webhook": self.watched,
            "remove_schedule": self.planned,
            "change_schedule": self.planned,
            "resume_schedule": self.planned,
        }

    def at(self, case: Any) -> None:
        """Aims one request."""
        name, path = case.operation.definition.raw["operationId"], case.path_parameters
        if name == "claim_jobs":
            _hurry(case.body)
        if name == "stream_job":
            self._listen(case.query)
        if _REMOVES.match(name) and self.kept & {value for value in path.values() if isinstance(value, str)}:
            # Not what others are aimed at; and a key that revokes itself would leave nothing but 401 behind.
            path.update(self.fresh[name]())
        meta = case.meta
        if meta is None or meta.generation.mode.is_negative or meta.phase.name == TestPhase.STATEFUL:
            return  # a chain of requests knows its own ids
        if next(self.turns) % 3:
            self._aim(case, name, path)

    def _aim(self, case: Any, name: str, path: Ids) -> None:
        known = self.ids | (self.fresh[name]() if name in self.fresh else {})
        if "attempt_id" in path:
            known |= self.held(steps="step_id" in path)
            case.query |= {"job_id": known["job_id"], "worker_id": known["worker_id"]}
        elif name == "claim_jobs":
            enqueue(self.http, queue=self.queue)
            case.body |= {"worker_id": self.remote().id}
        elif name == "follow_up_task" and isinstance(case.body, dict):
            case.body.pop("job_id", None)
        elif name == "fork_job" and isinstance(case.body, dict):
            case.body = {"from_step": "#1"} | {part: case.body[part] for part in case.body.keys() & {"input"}}
        elif name == "get_type":
            path.update({"type": "demo"})
        elif name == "change_budget" and isinstance(case.body, dict):
            case.body |= {"limit_usd": "7"}  # one limit at least must stay
        elif "worker_id" in path:
            known["worker_id"] = self.remote().id
        _in_time(name, case)
        path.update({part: known[part] for part in path if part in known})

    def _listen(self, query: Any) -> None:
        """A stream that begins after the last event says nothing until there is another: few are enough."""
        after = query.get("after") if isinstance(query, dict) else None
        if type(after) is int and 0 < after <= LAST_SEQ and next(self.silent) >= MOST_SILENT:
            query["after"] = 0

    def remote(self) -> Remote:
        """A worker that has not stopped."""
        if self._remote is None or self._remote.beat().status_code != 200:
            self._remote, self._job = Remote(self.http, queues=[self.queue], lease_seconds=300), None
        return self._remote

    def job(self) -> Job:
        """A job that the worker runs."""
        remote = self.remote()
        if self._job is None or remote.tell(self._job, "heartbeat").status_code != 200:
            self.http.post(f"/api/v1/queues/{self.queue}/resume")
            self.http.post("/api/v1/workspace/resume")
            self.http.post(f"/api/v1/workers/{remote.id}/undrain")
            self.http.post(f"/api/v1/workers/{remote.id}/queues/{self.queue}/resume")
            self.http.delete("/api/v1/types/demo/breaker")
            for one in ("limits", "budgets"):
                for made in self.http.get(f"/api/v1/{one}").json()["items"]:
                    self.http.delete(f"/api/v1/{one}/{made['id']}")
            id = enqueue(self.http, queue=self.queue)
            claimed = remote.claim(queues=[self.queue], types=["demo"])
            assert claimed, self.http.get(f"/api/v1/jobs/{id}").json()["why"]
            self._job = claimed[0]
        return self._job

    def held(self, *, steps: bool) -> Ids:
        """An open attempt, with an open step of it."""
        job = self.job()
        found = {"job_id": job["job_id"], "attempt_id": job["attempt_id"], "worker_id": self.remote().id}
        if steps:
            begun = self.remote().tell(job, "steps", {"name": f"step {next(self.turns)}"})
            found["step_id"] = begun.json()["step_id"]
        return found

    def enqueued(self, **wanted: Any) -> str:
        """A job that waits."""
        return enqueue(self.http, queue="elsewhere", **wanted)

    def made(self, path: str, **body: Any) -> dict[str, Any]:
        """What a POST answers."""
        answer = self.http.post(f"/api/v1/{path}", **({"json": body} if "content" not in body else body))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def cancelled(self) -> Ids:
        """A job that was cancelled."""
        id = self.enqueued()
        self.http.post(f"/api/v1/jobs/{id}/cancel", json={})
        return {"job_id": id}

    def stepped(self) -> Ids:
        """A job that began a step."""
        return {"job_id": self.held(steps=True)["job_id"]}

    def completed(self) -> Ids:
        """A job with a result."""
        job = self.job()
        self.remote().tell(job, "complete", {"output": {"n": 1}})
        self._job = None
        return {"job_id": job["job_id"]}

    def rendered(self) -> Ids:
        """A job of nexrender's."""
        made = self.http.post("/compat/nexrender/api/v1/jobs", json={"template": {"src": "a", "composition": "b"}})
        return {"uid": made.json()["uid"]}

    def spoken(self) -> Ids:
        """A task with a job that had a session and ended."""
        queue, remote = f"said {next(self.turns)}", self.remote()
        task = self.made("tasks", title="said", config={"type": "demo", "queue": queue})["id"]
        self.made(f"tasks/{task}/start")
        job = remote.claim(queues=[queue], types=["demo"])[0]
        remote.tell(job, "complete", {"output": {"session_id": "s"}})
        return {"task_id": task}

    def uploaded(self) -> Ids:
        """A file that no job holds."""
        return {"asset_id": self.made("assets", content=b"short-lived")["id"]}

    def watched(self) -> Ids:
        """A webhook that nothing hangs on. A workspace may have 100: makes room before there are as many."""
        known = self.http.get("/api/v1/webhooks").json()["items"]
        for one in known if len(known) >= MOST_WEBHOOKS else ():
            if one["id"] not in self.kept:
                self.http.delete(f"/api/v1/webhooks/{one['id']}")
        return {"webhook_id": self.made("webhooks", url="https://example.org/", events=["gate.*"])["webhook"]["id"]}

    def planned(self) -> Ids:
        """A schedule that is paused."""
        said = {"name": f"s{next(self.turns)}", "type": "demo", "expression": "@yearly"}
        id = self.made("schedules", **said)["id"]
        self.http.post(f"/api/v1/schedules/{id}/pause", json={})
        return {"schedule_id": id}

    def granted(self) -> Ids:
        """A budget of a type that no job has."""
        said = {"scope": "TYPE", "subject": f"dear {next(self.turns)}", "limit_usd": "9"}
        return {"budget_id": self.made("budgets", **said)["id"]}

    def asked(self, **said: Any) -> Ids:
        """A gate that waits."""
        job = self.job()
        answer = self.remote().tell(job, "gates", {"question": "May it?", "key": f"gate {next(self.turns)}", **said})
        self._job = None
        return {"job_id": job["job_id"], "gate_id": answer.json()["gate_id"]}

    def half_decided(self) -> Ids:
        """A gate that waits for one more approval."""
        ids = self.asked(needed=2)
        self.http.post(f"/api/v1/jobs/{ids['job_id']}/gates/{ids['gate_id']}/approve", json={})
        return ids


def _in_time(name: str, case: Any) -> None:
    """Expressions, zones and times of schedules that are some: nobody makes them up by chance."""
    right = {"expression": "@yearly", "zone": "Europe/Berlin", "type": "demo"}
    if name in ("create_schedule", "change_schedule") and isinstance(case.body, dict):
        wanted = right if name == "create_schedule" else right.keys() & case.body.keys()
        case.body |= {part: right[part] for part in wanted}
        for part in ("starts_at", "ends_at", "options"):
            case.body.pop(part, None)
    elif name == "preview_schedule":
        case.query |= {"expression": right["expression"], "zone": right["zone"]}
        case.query.pop("after", None)
    elif name == "backfill_schedule" and isinstance(case.body, dict):
        case.body |= {"since": "2020-01-01T00:00:00Z", "until": "2022-01-01T00:00:00Z"}


def _hurry(body: Any) -> None:
    """A long poll that would be allowed is made a short one; what is not allowed stays."""
    wait = body.get("wait_seconds") if isinstance(body, dict) else None
    if isinstance(wait, int | float) and LONGEST_WAIT_SECONDS < wait <= 30:
        body["wait_seconds"] = LONGEST_WAIT_SECONDS


AIM = Aim(**json.loads(os.environ["AIM"]))
SHARE = int(os.environ.get("SHARE", "1"))
COVERED = count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Called by schemathesis before each request."""
    AIM.at(case)


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Called by schemathesis for each request that it has made up: for a quick run a share of the many edges is enough, and
    none that takes seconds."""
    if SHARE == 1 or case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
        return True
    jobs = case.body.get("jobs") if isinstance(case.body, dict) else None
    return next(COVERED) % SHARE == 0 and not (isinstance(jobs, list) and len(jobs) > FEW)
