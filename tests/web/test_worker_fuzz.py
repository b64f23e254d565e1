"""Whatever the documents allow a worker to say is answered as they say, and never by a server that broke."""

from __future__ import annotations

import os
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import Served
from web.remote import Job, Remote, enqueue

from jobtrail.web.routing import Route
from jobtrail.web.table import WORKER

EXAMPLES = 150 if os.environ.get("JOBTRAIL_DEEP") else 12
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


class Mill:
    """A worker that lives on, and a job in its hands, whatever was said of both."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.remote = Remote(http)
        self._job: Job | None = None

    def aim(self, case: Any, route: Route) -> None:
        """Lets a made-up request speak of what is there."""
        if self.remote.beat().status_code != 200:
            self.remote, self._job = Remote(self.http), None
        if "{attempt_id}" in route.path:
            job = self.job()
            case.path_parameters["attempt_id"] = job["attempt_id"]
            case.query |= {"job_id": job["job_id"], "worker_id": self.remote.id}
            if "{step_id}" in route.path:
                step = self.remote.tell(job, "steps", {"name": "a step"}).json()
                case.path_parameters["step_id"] = step["step_id"]
        if "{worker_id}" in route.path:
            case.path_parameters["worker_id"] = self.remote.id
        if route.path.endswith("/claim"):
            case.body |= {"worker_id": self.remote.id, "wait_seconds": 0}

    def job(self) -> Job:
        """A job that runs."""
        if self._job is None or self.remote.tell(self._job, "heartbeat").status_code != 200:
            enqueue(self.http)
            self._job = self.remote.one()
        return self._job


def mostly_well(mill: Mill, operation: Any, route: Route) -> bool:
    """Sends what the documents allow; answers whether any of it was done."""
    statuses: set[int] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck), derandomize=True)  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        mill.aim(case, route)
        answer = case.call(headers={"Authorization": mill.http.headers["authorization"]})
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    ask()
    return min(statuses) < 300


def test_what_the_documents_allow_is_answered_as_they_say(web: Served, http: httpx2.Client) -> None:
    schema = schemathesis.openapi.from_url(f"{web.url}/api/openapi.json")
    mill = Mill(http)
    well = {route.path: mostly_well(mill, schema[route.path][route.method], route) for route in WORKER}
    assert {path for path, done in well.items() if not done} == set()
