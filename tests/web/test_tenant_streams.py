"""What two workspaces hear of each other while both work, and where both have a job of the same id: nothing."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from database import Database
from serving import served
from web.remote import Remote
from web.tenant import Tenant, tenant

from jobtrail.web.table import ROUTES

CANARY = f"canary{secrets.token_hex(8)}"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Ear:
    """Reads a stream in a thread, until something is heard."""

    def __init__(self, one: Tenant, path: str, until: str, **params: Any) -> None:
        self.text, self._until = "", until
        self.opened = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(one, path, params), daemon=True)
        self._thread.start()
        assert self.opened.wait(30)

    def _listen(self, one: Tenant, path: str, params: dict[str, Any]) -> None:
        with one.http.stream("GET", path, **params) as answer:
            for chunk in answer.iter_text():
                self.text += chunk
                self.opened.set()
                if self._until in self.text:
                    return

    def heard(self) -> str:
        self._thread.join(30)
        assert self._until in self.text, self.text
        return self.text


def test_streams_tell_of_ones_own_alone(namesakes: tuple[Tenant, Tenant]) -> None:
    """While they work, from now on and from where they stand; the last thing that is said is ours."""
    (ours, theirs), last = namesakes, f"last {uuid4()}"
    before = Ear(theirs, "/api/v1/stream", '"type":"job.created"')
    theirs.job(queue="elsewhere")
    (cursor,) = re.findall(r"^id: (\S+)$", before.heard(), re.MULTILINE)[:1]
    ears = [
        Ear(ours, "/api/v1/stream", last),
        Ear(ours, "/api/v1/stream", last, headers={"Last-Event-ID": cursor}),
        Ear(ours, "/api/v1/stream", last, params={"after": cursor}),
    ]
    busy(theirs)
    ours.http.post("/api/v1/jobs", json={"type": "demo", "queue": "mine", "title": last})
    for ear in ears:
        assert CANARY not in ear.heard()
        assert not (set(theirs.ids.values()) - set(ours.ids.values())) & set(UUIDS.findall(ear.text))


def busy(one: Tenant) -> None:
    """A job from its beginning to its end, in which everything is said; and nothing of the tenant's own is left by it."""
    job = one.begun()
    one.tell(job, "logs", {"lines": [one.word]})
    one.tell(job, "progress", {"percent": 5, "stage": one.word})
    one.tell(job, "complete", {"output": one.word})


@pytest.fixture
def namesakes(database: Database, tmp_path: Path) -> Iterator[tuple[Tenant, Tenant]]:
    """A pair of which ours made a job with the id of one of theirs that runs, and runs it too."""
    with served(database, tmp_path) as web:
        theirs, key = tenant(web, CANARY), web.key(workspace=(workspace := web.workspace("ours")))
        ours = Tenant(workspace, "plain", key, web.client(key), {"job_id": theirs.ids["job_id"]})
        ours.worker = Remote(ours.http, queues=["plain"])
        ours.running = ours.begun(id=theirs.ids["job_id"])
        yield ours, theirs


def test_a_job_that_has_the_id_of_another_shows_nothing_of_it(namesakes: tuple[Tenant, Tenant]) -> None:
    """Also to those who watch both at the same time, whom one reader serves."""
    ours, theirs = namesakes
    job_id = theirs.ids["job_id"]
    stream = f"/api/v1/jobs/{job_id}/stream"
    mine, other = Ear(ours, stream, "stream.complete"), Ear(theirs, stream, "stream.complete")
    for n in range(3):
        theirs.tell(theirs.running, "logs", {"lines": [f"{CANARY} {n}"]})
        ours.tell(ours.running, "logs", {"lines": [f"plain {n}"]})
        for one in (theirs, ours):
            one.tell(one.running, "steps", {"name": f"{one.word} {n}"})
    for route in ROUTES:
        if route.method == "GET" and route.path.startswith("/api/v1/jobs/{job_id}") and route.name != "stream_job":
            assert CANARY not in ours.http.get(route.path.replace("{job_id}", job_id)).text, route.path
    for one in (ours, theirs):
        one.tell(one.running, "complete", {"output": one.word})
    assert CANARY not in mine.heard() and "plain" in mine.text
    assert "plain" not in other.heard() and CANARY in other.text
