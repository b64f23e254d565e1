"""The service while its database is away: it says so, answers at once, and works again when the database is back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import httpx2
from database import Database
from serving import served
from store.embedded_server import a_home
from worker.at_work import wait_until

from jobtrail.store import embedded, migrate
from jobtrail.store.pool import Dial, connect


def is_told(answer: httpx2.Response) -> bool:
    return (
        answer.status_code == 503 and answer.json()["code"] == "unavailable" and int(answer.headers["retry-after"]) >= 1
    )


def test_it_says_that_the_database_is_away_and_works_again_when_it_is_back(tmp_path: Path) -> None:
    with a_home() as home:
        server = embedded.start(home)
        with closing(connect(Dial(url=server.owner_url))) as conn:
            migrate.up(conn)
        database = Database("own", server.app_url, server.owner_url, server.admin_url)
        with served(database, tmp_path) as web:
            http = web.client()
            made = http.post("/api/v1/jobs", json={"type": "a"})
            assert made.status_code == 201
            embedded.stop_now(home)
            body, key = {"type": "a", "input": {"n": 1}}, {"Idempotency-Key": "once"}
            assert is_told(http.post("/api/v1/jobs", json=body, headers=key))
            assert is_told(http.get(made.headers["location"]))
            assert is_told(http.get("/ready"))
            assert http.get("/health").status_code == 200
            assert http.get("/metrics").text.count("jobtrail_database_up 0.0") == 1
            embedded.start(home)
            wait_until(lambda: http.get("/ready").status_code == 200, "it is ready again")
            wait_until(
                lambda: http.post("/api/v1/jobs", json=body, headers=key).status_code in (200, 201), "it accepts again"
            )
            assert http.post("/api/v1/jobs", json=body, headers=key).status_code == 200
            assert http.get(made.headers["location"]).status_code == 200
            assert len(http.get("/api/v1/jobs").json()["items"]) == 2
        embedded.stop_now(home)
