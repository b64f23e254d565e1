"""Loaded by schemathesis, in its own process: aims every other valid request at things that are there and that it may change,
so that not all are answered with 404. What is invalid stays as it was made up."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx2
import schemathesis
from schemathesis.generation.meta import TestPhase
from web.remote import Job, Remote, enqueue

LATER = "2100-01-01T00:00:00Z"
LONGEST_WAIT_SECONDS = 0.05


class Aim:
    """A client of the service, a worker that lives on, and an attempt in its hands, whatever was said of both."""

    def __init__(self, url: str, key: str, ids: dict[str, str], queue: str) -> None:
        self.http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self.key_id = self.http.get("/api/v1/me").json()["actor_id"]
        self.ids, self.queue = ids, queue
        self.turns = count()
        self._remote: Remote | None = None
        self._job: Job | None = None
        self.fresh: dict[str, Callable[[], dict[str, str]]] = {
            "cancel_job": lambda: {"job_id": self.enqueued()},
            "change_job": lambda: {"job_id": self.enqueued()},
            "start_job_now": lambda: {"job_id": self.enqueued(scheduled_at=LATER)},
            "retry_job": self.cancelled,
            "approve_gate": self.asked,
            "reject_gate": self.asked,
        }

    def at(self, case: Any) -> None:
        """Aims one request."""
        name, path = case.operation.definition.raw["operationId"], case.path_parameters
        if name == "claim_jobs":
            _hurry(case.body)
        if name == "revoke_key" and path.get("key_id") == self.key_id:
            path["key_id"] = self.ids["key_id"]  # else everything after it would be answered with 401
        meta = case.meta
        if meta is None or meta.generation.mode.is_negative or meta.phase.name == TestPhase.STATEFUL:
            return  # a chain of requests knows its own ids
        if case.operation.method.upper() == "DELETE" or name == "revoke_key" or next(self.turns) % 2:
            return
        known = self.ids | (self.fresh[name]() if name in self.fresh else {})
        if "attempt_id" in path:
            known |= self.held(steps="step_id" in path)
            case.query |= {"job_id": known["job_id"], "worker_id": known["worker_id"]}
        elif name == "claim_jobs":
            enqueue(self.http, queue=self.queue)
            case.body |= {"worker_id": self.remote().id}
        elif "worker_id" in path:
            known["worker_id"] = self.remote().id
        path.update({part: known[part] for part in path if part in known})

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
            enqueue(self.http, queue=self.queue)
            self._job = remote.claim(queues=[self.queue], types=["demo"])[0]
        return self._job

    def held(self, *, steps: bool) -> dict[str, str]:
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

    def cancelled(self) -> dict[str, str]:
        """A job that was cancelled."""
        id = self.enqueued()
        self.http.post(f"/api/v1/jobs/{id}/cancel", json={})
        return {"job_id": id}

    def asked(self) -> dict[str, str]:
        """A gate that waits."""
        job = self.job()
        answer = self.remote().tell(job, "gates", {"question": "May it?", "key": f"gate {next(self.turns)}"})
        self._job = None
        return {"job_id": job["job_id"], "gate_id": answer.json()["gate_id"]}


def _hurry(body: Any) -> None:
    """A long poll that would be allowed is made a short one; what is not allowed stays."""
    wait = body.get("wait_seconds") if isinstance(body, dict) else None
    if isinstance(wait, int | float) and LONGEST_WAIT_SECONDS < wait <= 30:
        body["wait_seconds"] = LONGEST_WAIT_SECONDS


AIM = Aim(**json.loads(os.environ["AIM"]))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Called by schemathesis before each request."""
    AIM.at(case)
