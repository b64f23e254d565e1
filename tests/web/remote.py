"""A worker as anybody might write one, in single calls: it knows the service's address and a key, and no database."""

from __future__ import annotations

from typing import Any

import httpx2

Job = dict[str, Any]


class Remote:
    """A registered worker. `tell` says something of an attempt and answers the response."""

    def __init__(self, http: httpx2.Client, **wanted: Any) -> None:
        self.http = http
        made = http.post("/api/v1/worker/register", json={"name": "remote", "types": ["demo"], **wanted})
        assert made.status_code == 201, made.text
        self.id: str = made.json()["worker_id"]

    def ask(self, **wanted: Any) -> httpx2.Response:
        """Asks for jobs."""
        return self.http.post("/api/v1/worker/claim", json={"worker_id": self.id, **wanted})

    def claim(self, **wanted: Any) -> list[Job]:
        """Jobs that were there."""
        answer = self.ask(**wanted)
        assert answer.status_code == 200, answer.text
        items: list[Job] = answer.json()["items"]
        return items

    def one(self) -> Job:
        """The job that is there."""
        (job,) = self.claim()
        return job

    def beat(self, **said: Any) -> httpx2.Response:
        """A sign of life."""
        return self.http.post(f"/api/v1/worker/{self.id}/heartbeat", json=said)

    def tell(self, job: Job, what: str, said: Any = None, **query: Any) -> httpx2.Response:
        """Says something of an attempt. Bytes are sent as they are."""
        whose = {"job_id": job["job_id"], "worker_id": self.id, **query}
        body = {"content": said} if isinstance(said, bytes) else {"json": {} if said is None else said}
        return self.http.post(f"/api/v1/attempts/{job['attempt_id']}/{what}", params=whose, **body)


def enqueue(http: httpx2.Client, **wanted: Any) -> str:
    """A job more; answers its id."""
    made = http.post("/api/v1/jobs", json={"type": "demo", **wanted})
    assert made.status_code == 201, made.text
    id: str = made.json()["id"]
    return id


def job_of(http: httpx2.Client, id: str) -> dict[str, Any]:
    """A job with what hangs on it."""
    found = http.get(f"/api/v1/jobs/{id}")
    assert found.status_code == 200, found.text
    detail: dict[str, Any] = found.json()
    return detail
