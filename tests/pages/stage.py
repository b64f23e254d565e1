"""A workspace in which everything has happened that a dashboard can show, brought about by the verbs, mostly over HTTP.
`say` decides what stands in each free text, so the same scene serves those who write strange things there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from pages.stuff import FILES, LINES, SCHEMA
from pages.times import stage_schedules
from scene import ME, SERVES_ALL, ids
from serving import EVERYTHING, Served
from web.remote import Job, Remote

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import bulk as orders
from jobtrail.core.fence import Fence
from jobtrail.core.filter import Filter
from jobtrail.core.scopes import Role
from jobtrail.service import (
    attempts,
    bulk,
    deliveries,
    failures,
    gate_links,
    memberships,
    queues,
    upkeep,
    users,
    validations,
    workers,
)
from jobtrail.service import jobs as job_verbs
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.db import run

LATER = (datetime.now(UTC) + timedelta(days=3)).isoformat()
Say = Callable[[str, str], str]


def plainly(field: str, plain: str) -> str:
    """What an honest person writes there."""
    return plain


class Stage:
    """The scene. `jobs`: an id for each sort of job, by what it shows; `ids`: one of each other thing."""

    def __init__(self, web: Served, workspace: UUID = DEFAULT_WORKSPACE, say: Say = plainly) -> None:
        self.web, self.workspace, self.say = web, workspace, say
        self.key = web.key(workspace=workspace, name=say("key name", "ci"))
        self.http = web.client(self.key)
        self.jobs: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.media = say("queue", "media")
        self.type = say("type", "video.render")

    def fill(self) -> None:
        """Everything, in a second or two."""
        self._workers()
        self._plans()
        self._ended()
        self._troubles()
        self._agent()
        self._checked()
        self._waiting()
        self._gates()
        self._running()
        self._bulk()
        self._outside()
        self._people()
        self._queues()
        self._budgets()
        self.ids |= stage_schedules(self.web, self.workspace, self.made, self.do, self.say, self.type)

    # What it is made with.

    def made(self, path: str, expects: int = 201, **body: Any) -> dict[str, Any]:
        """What a POST answers."""
        answer = self.http.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == expects, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def do(self, work: Any) -> Any:
        """Runs a verb that has no route."""
        with closing(self.web.database.connect()) as conn:
            return run(conn, work, SERVES_ALL)

    def job(self, shows: str, **more: Any) -> str:
        """A job more."""
        usual = {
            "type": self.type,
            "queue": self.media,
            "title": self.say("title", f"{shows}: trailer.mov → 1080p"),
            "tags": [self.say("tag", "customer:42"), "nightly"],
            "input": {"url": self.say("input", "https://example.org/trailer.mov"), "quality": "1080p", "n": 2**60,
                      "of": {self.say("input key", "frames"): [1, 2.5, None, True]}},
        }  # fmt: skip
        id: str = self.made("jobs", **usual | more)["id"]
        self.jobs[shows] = id
        return id

    def begun(self, shows: str, worker: Remote | None = None, **more: Any) -> Job:
        """A job that runs on a worker."""
        return self.taken(self.job(shows, priority=10, **more), worker)

    def taken(self, id: str, worker: Remote | None = None) -> Job:
        """A job that a worker takes, as it is the first in its queue."""
        job = self.http.get(f"/api/v1/jobs/{id}").json()["job"]
        found = (worker or self.worker).claim(queues=[job["queue"]], types=[job["type"]])
        assert [one["job_id"] for one in found] == [id]
        return found[0]

    def tell(self, job: Job, what: str, said: Any = None, *, worker: Remote | None = None, **query: Any) -> Any:
        """What a worker says of an attempt."""
        answer = (worker or self.worker).tell(job, what, said, **query)
        assert answer.is_success, f"{what}: {answer.text}"
        return answer.json() if answer.content else None

    def step(self, job: Job, name: str, end: dict[str, Any] | None = None, **more: Any) -> str:
        """A step, which ends as told, or goes on."""
        id: str = self.tell(job, "steps", {"name": self.say("step name", name), **more})["step_id"]
        if end is not None:
            self.tell(job, f"steps/{id}/finish", end)
        return id

    def fail(self, job: Job, **more: Any) -> None:
        """An attempt that fails."""
        stack = 'Traceback (most recent call last):\n  File "app.py", line 88, in upload\n    send(part)\n'
        said = {"message": self.say("error", "TimeoutError: upload took > 30 s"), "retry": False,
                "code": self.say("error code", "TimeoutError"), "stack": self.say("stack", stack)}  # fmt: skip
        self.tell(job, "fail", said | more)

    # The scene.

    def _workers(self) -> None:
        queues = [self.media, "agents", "default"]
        described = {
            self.type: {"description": self.say("description", "Renders a clip."), "input_schema": self._schema()}
        }
        usual: dict[str, Any] = {"lease_seconds": 300, "version": self.say("version", "4f2a")}
        types = [self.type, "agent.research", "report", orders.TYPE]
        name = self.say("worker name", "w-91c")
        self.worker = Remote(self.http, name=name, queues=queues, slots=8, types=types, described=described, **usual)
        self.lost = Remote(self.http, name=self.say("worker name", "w-3f2"), queues=queues, types=types, **usual)
        self.silent = Remote(self.http, name=self.say("worker name", "w-55e"), queues=["mail"], types=types, **usual)
        draining = Remote(self.http, name="w-a07", queues=queues, types=types, **usual)
        draining.beat(draining=True)
        self.ids["worker_id"] = self.worker.id
        with closing(self.web.database.as_owner()) as owner:  # no verb lets time pass
            owner.execute(
                "update jobtrail.workers set beat_at = beat_at - interval '14 s' where id = %s", (self.silent.id,)
            )

    def _schema(self) -> dict[str, Any]:
        titled = {
            name: part | {"description": self.say("schema", f"The {name}.")}
            for name, part in SCHEMA["properties"].items()
        }
        return SCHEMA | {"properties": titled}

    def _plans(self) -> None:
        project = self.made("projects", name=self.say("project name", "Launch"))["id"]
        self.made("projects", name="Second project")
        config = {"type": "agent.research", "queue": "agents", "input": {"topic": self.say("config", "heat pumps")}}
        task: dict[str, Any] = {"title": self.say("task title", "Research heat pumps"), "description": self.say("description", "Find out."),
                "prompt": self.say("prompt", "Be brief."), "tags": [self.say("tag", "q4")], "config": config}  # fmt: skip
        self.ids |= {"project_id": project, "task_id": self.made("tasks", project_id=project, **task)["id"]}
        self.made("tasks", title="An idea", status="BACKLOG", priority=8)
        started = self.made(f"tasks/{self.ids['task_id']}/start", variants=[{"topic": "a"}, {"topic": "b"}])
        for item, cost in zip(started["items"], ("0.21", None), strict=True):
            job = self.taken(item["id"])
            said = {"number": 1, "provider": self.say("provider", "a provider"), "model": self.say("model", "model-a")}
            self.tell(job, "usage", said | {"input_tokens": 1_010, "output_tokens": 194, "cost_usd": cost})
            self.tell(job, "complete", {"output": {"report": cost}, "summary": self.say("summary", "Done.")})

    def _ended(self) -> None:
        job = self.begun(
            "COMPLETED", project_id=self.ids["project_id"], unique_key=self.say("unique key", "trailer-88")
        )
        self.tell(job, "identity", {"session_id": self.say("session", "s-1"), "process_id": 48213})
        with_output = {"output": {"bytes": 184, "note": self.say("output", "ok")}}
        for phase in ("SETUP", "EXECUTION", "VALIDATION", "CLEANUP"):
            self.step(job, f"{phase.lower()} first", with_output, phase=phase)
        step = self.step(job, "render", phase="EXECUTION", type="ARTIFACT")
        self.ids["step_id"] = step
        for n in range(0, len(LINES), 500):
            lines = [line | {"message": self.say("log line", str(line["message"]))} for line in LINES[n : n + 500]]
            self.tell(job, "logs", {"lines": lines, "step_id": step})
        more = {"component": self.say("component", "ffmpeg"), "operation": self.say("operation", "encode"),
                "correlation_id": self.say("correlation", "c-1"), "details": {self.say("detail key", "psnr"): self.say("detail", "33.1")}}  # fmt: skip
        self.tell(job, "logs", {"lines": [{"message": "with fields", "level": "WARN", **more}]})
        for name, (media, content) in FILES.items():
            made = self.tell(job, "assets", content, name=self.say("file name", name), media_type=media, step_id=step)
            self.ids.setdefault("asset_id", made["id"])
        self.tell(job, f"steps/{step}/finish", with_output)
        self.tell(
            job,
            "metrics",
            {"values": [{"name": self.say("metric", "fps"), "value": 61.5, "unit": self.say("unit", "fps")}]},
        )
        self.tell(job, "progress", {"percent": 90, "stage": self.say("stage", "encoding")})
        used = {"cpu_seconds": 12.5, "memory_bytes": 640 << 20, "exit_code": 0}
        said = self.say("summary", "9 files")
        self.tell(
            job,
            "complete",
            {"output": {"frames": 4_812, "at": self.say("result", "here")}, "summary": said, "used": used},
        )
        rerun = self.made(f"jobs/{job['job_id']}/rerun")["id"]
        self.tell(self.taken(rerun), "complete", {"status": "PARTIAL"})
        self.jobs["rerun"] = rerun

    def _troubles(self) -> None:
        job = self.begun("FAILED after three attempts", max_attempts=3, backoff_delay_ms=0, backoff_type="FIXED")
        self.step(job, "download", {"output": 1}, phase="SETUP")
        self.do(workers.rescue([UUID(self.lost_holds(job))]))
        for end in ({"timed_out": True, "retry": True, "retry_in_seconds": 0}, {"retry": False}):
            job = self.taken(job["job_id"])
            self.step(job, "upload", {"status": "FAILED", "error": self.say("step error", "no answer")})
            lines = [{"message": self.say("log line", "ERROR: no answer"), "level": "ERROR", "source": "STDERR"}] * 3
            self.tell(job, "logs", {"lines": lines})
            self.fail(job, **end)
            self.do(upkeep.stage())
        for n in range(3):
            self.fail(self.begun(f"FAILED alike {n}"))
        self.fail(self.begun("FAILED otherwise"), message="ValueError: page 12 is empty", code="ValueError")
        job = self.begun("CANCELLED while it ran")
        self.made(f"jobs/{job['job_id']}/cancel", 200, reason=self.say("reason", "too dear"))
        self.tell(job, "cancelled", {})
        self.made(f"jobs/{self.job('CANCELLED', queue='elsewhere')}/cancel", 200)
        job = self.begun("interrupted", queue="agents")
        self.tell(job, "release")
        self.tell(self.taken(job["job_id"]), "complete", {"output": "after an interruption"})
        job = self.begun("retried", queue="agents")
        self.fail(job)
        self.made(f"jobs/{job['job_id']}/retry", 200)
        self.tell(self.taken(job["job_id"]), "complete", {})

    def lost_holds(self, job: Job) -> str:
        """Gives a running job back, and lets the worker that is about to be lost take it."""
        self.tell(job, "release")
        self.taken(job["job_id"], self.lost)
        return self.lost.id

    def _agent(self) -> None:
        job = self.begun("agent", type="agent.research", queue="agents")
        step = self.step(job, "describe", phase="EXECUTION", type="AI_ACTION")
        self.tell(
            job,
            "events",
            {"event": "ai.tool_called", "note": {"tool_name": self.say("tool", "search")}, "step_id": step},
        )
        self.tell(job, "events", {"event": "budget.warned", "note": {"limit": "usd", "spent": 0.41}})
        for n, (model, cost) in enumerate((("model-a", "0.004"), ("model-b", "0.037"), ("model-x", None)), 1):
            said = {"number": n, "provider": self.say("provider", "a provider"), "model": self.say("model", model),
                    "input_tokens": 8_402, "cached_tokens": 5_100, "output_tokens": 1_220, "reasoning_tokens": 340}  # fmt: skip
            self.tell(
                job,
                "usage",
                said | {"cost_usd": cost, "price_source": self.say("price source", "table"), "step_id": step},
            )
        self.tell(job, f"steps/{step}/finish", {"output": {"text": "…"}, "tokens_input": 8_402, "tokens_output": 1_220})
        lines = [
            {"message": self.say("log line", "I will search."), "source": source}
            for source in ("MODEL", "TOOL", "SYSTEM")
        ]
        self.tell(job, "logs", {"lines": lines})
        self.tell(job, "complete", {"output": "# A report\n\nin *Markdown*"})

    def _checked(self) -> None:
        """Jobs whose input somebody looks at, or has to."""
        new = [
            NewJob(ids.new(), b"{}", Options(type="report", queue="checks", checked=True), self.say("title", "checked"))
            for _ in range(2)
        ]
        self.do(job_verbs.enqueue(self.workspace, new, ME))
        (taken,) = self.do(validations.take(UUID(self.worker.id), ["checks"], ["report"], 1))
        rest = {one.id for one in new} - {taken.job_id}
        self.jobs |= {"VALIDATING": str(taken.job_id), "PENDING for VALIDATION": str(rest.pop())}

    def _waiting(self) -> None:
        self.job("PENDING for SCHEDULE", scheduled_at=LATER, cancel_at=LATER)
        self.fail(self.begun("PENDING for RETRY"), retry=True, retry_in_seconds=86_400)
        for reason in ("QUOTA", "BUDGET", "DEPENDENCY", "CHILD", "SIGNAL", "LIMIT"):
            said = {
                "reason": reason,
                "message": self.say("wait message", f"waits for {reason}"),
                "delay_seconds": 86_400,
            }
            self.tell(self.begun(f"PENDING for {reason}"), "wait", said)
        self.tell(self.begun("snoozed"), "snooze", {"delay_seconds": 86_400, "reason": self.say("reason", "night")})

    def _gates(self) -> None:
        form = {"type": "object", "title": self.say("form title", "Publish"), "required": ["title"], "properties": {
            "title": {"type": "string", "title": self.say("form field", "Title"), "default": self.say("form default", "Heat pumps")},
            "when": {"type": "string", "enum": ["now", self.say("form choice", "tomorrow")]},
            "loud": {"type": "boolean", "description": "Tell everybody."}, "copies": {"type": "integer", "minimum": 1},
        }}  # fmt: skip
        for shows, more in (("gate with a form", {"form": form, "expires_in_seconds": 7_200}),
                            ("gate with approvers", {"approvers": [self.say("approver", "ben@example.org"), "me"], "needed": 2}),
                            ("plain gate", {})):  # fmt: skip
            job = self.begun(shows)
            self.tell(job, "assets", FILES["frame.png"][1], name="frame.png", media_type="image/png")
            question = {"question": self.say("question", f"{shows}: publish to the channel?"), **more}
            self.ids[shows] = self.tell(job, "gates", question)["gate_id"]
        self._links()
        for shows, verb in (("gate approved", "approve"), ("gate rejected", "reject")):
            job = self.begun(shows)
            gate = self.tell(job, "gates", {"question": self.say("question", "Send it?")})["gate_id"]
            self.made(f"jobs/{job['job_id']}/gates/{gate}/{verb}", 200, comment=self.say("comment", "fine"))
            self.tell(self.taken(job["job_id"]), "complete", {})

    def _links(self) -> None:
        """Links to a question, and people who are asked together."""
        person = self.say("person", "ida@example.net")
        for shows, to in (("link", "gate with a form"), ("link that was used", "plain gate")):
            made = self.made(f"gates/{self.ids[to]}/links", person=person)
            self.ids[shows] = made["url"].rpartition("/")[2]
        self.do(gate_links.revoke(self.workspace, UUID(self.ids["plain gate"]), UUID(made["link"]["id"])))
        for group in ("editors", "nobody"):
            self.made("groups", name=group)
        self.made("groups/editors/members", 200, member="ben@example.org")

    def _running(self) -> None:
        job = self.begun("RUNNING", estimated_seconds=300, timeout_seconds=3_600)
        self.step(job, "fetch", {"output": 1}, phase="SETUP")
        self.ids |= {
            "running step": self.step(job, "segment 7"),
            "attempt_id": job["attempt_id"],
            "job_id": job["job_id"],
        }
        self.tell(job, "progress", {"percent": 71, "stage": self.say("stage", "encoding")})
        self.tell(job, "logs", {"lines": [self.say("log line", "frame= 120 fps= 61")] * 30})
        self.begun("RUNNING on a silent worker", self.silent, queue="mail")
        self.made(
            f"jobs/{self.begun('RUNNING, to be cancelled')['job_id']}/cancel", 200, reason=self.say("reason", "stop")
        )
        self.job("child", parent_id=job["job_id"])
        self.job("PENDING for DEPENDENCY", after=[job["job_id"]])
        self.job("QUEUED")
        self.job("QUEUED for nobody", queue="nowhere", type="nobody.runs.this")
        self.job(
            "QUEUED in a paused queue",
            queue=self.say("queue", "paused"),
            concurrency_key=self.say("concurrency key", "k"),
        )

    def _bulk(self) -> None:
        """Operations: one that did its work and tells of it, one that waits."""
        order = orders.Order(action=orders.Action.PRIORITIZE, filter=Filter(types=(self.type,)), priority=6)
        operation = self.do(bulk.enqueue(self.workspace, ids.new(), order, ME))
        job = self.taken(str(operation))
        fence = Fence(self.workspace, operation, UUID(job["attempt_id"]), UUID(self.worker.id))
        account, before = orders.Account(), None
        while True:
            page = self.do(bulk.page(fence, ids.many, before=before))
            account, before = account.plus(page), page.next_before
            if before is None:
                break
        self.do(attempts.complete([attempts.Completed(fence, msgspec.json.encode(account).decode())]))
        self.jobs["operation"] = str(operation)
        wanted = {"status": ["FAILED"], "q": self.say("filter", "timeout")}
        self.jobs["operation to come"] = self.made("bulk", action="retry", filter=wanted)["job_id"]

    def _budgets(self) -> None:
        """One of which most is spent, one that nobody uses, and one of a job that runs."""
        for said in (
            {"scope": "TYPE", "subject": "agent.research", "limit_usd": "0.01", "on_exceeded": "STOP"},
            {"scope": "QUEUE", "subject": self.say("budget subject", "nobody"), "limit_tokens": 1000, "period": "DAY"},
            {"scope": "TREE", "subject": self.jobs["RUNNING"], "limit_usd": "5", "limit_seconds": 7200},
        ):
            self.made("budgets", **said)

    def _outside(self) -> None:
        new: dict[str, Any] = {"url": f"https://example.org/{self.say('webhook path', 'hook')}", "events": ["*"],
               "description": self.say("webhook description", "our chat")}  # fmt: skip
        self.ids["webhook_id"] = self.made("webhooks", **new)["webhook"]["id"]
        self.job("told", queue="elsewhere")
        self.do(deliveries.dispatch(ids.many))
        self.ids["upload"] = self.http.post(
            "/api/v1/assets", params={"name": self.say("file name", "notes.txt")}, content=b"hello"
        ).json()["id"]
        self.made(
            f"jobs/{self.jobs['PENDING for SIGNAL']}/signal",
            200,
            name=self.say("signal", "paid"),
            payload={"by": self.say("payload", "ana")},
        )

    def _people(self) -> None:
        self.ids["key_id"] = self.made("api-keys", name=self.say("key name", "deploys"), scopes=["jobs:read"])[
            "api_key"
        ]["id"]
        self.made(f"api-keys/{self.made('api-keys', name='old')['api_key']['id']}/revoke", 204)
        for n, role in enumerate((Role.ADMIN, Role.VIEWER)):
            mail = f"{self.say('mail', f'p{n}')}@{self.workspace.hex[-4:]}.example.org"
            user = self.do(users.create(ids.new(), mail, self.say("person", "Ana"), None, ME))
            self.do(memberships.add(self.workspace, user.id, role, ME, EVERYTHING))
            self.ids["user_id"] = str(user.id)
        policy = {"http": {"hosts": [self.say("policy", "example.org")]}}
        assert self.http.put("/api/v1/workspace/policy", json={"policy": policy}).status_code == 200

    def _queues(self) -> None:
        paused = self.http.get(f"/api/v1/jobs/{self.jobs['QUEUED in a paused queue']}").json()["job"]["queue"]
        self.do(queues.pause(self.workspace, paused, ME, self.say("reason", "SMTP is down")))
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        for ago in range(4, -1, -1):
            self.do(upkeep.measure_queues(minute - timedelta(minutes=ago)))
        self.ids["fingerprint"] = self.do(failures.groups(self.workspace)).items[0].fingerprint
