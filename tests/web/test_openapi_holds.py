"""The running service against its own OpenAPI document, by a stranger: schemathesis, all phases, all checks, with real keys.

JOBTRAIL_DEEP=1 lets three of them go on side by side, with other seeds, until they have tried 100 000 requests in all.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from database import Database
from prometheus_client.parser import text_string_to_metric_families
from scene import SERVES_ALL, ids
from serving import Served, served
from web.tenant import Tenant, tenant

from jobtrail.service import audit, deliveries, seals
from jobtrail.store.db import run
from jobtrail.store.piecewise import run_each
from jobtrail.web.table import ROUTES

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
HERE = Path(__file__).parent
CASES = 100_000 if DEEP else 1_000
SIDE_BY_SIDE = 3 if DEEP else 1
EXAMPLES = 60 if DEEP else 2
SHARE = 1 if DEEP else 5
FIRST_SEED = 20_260_101
MOST_UNTOUCHED = 200
SEAL_KEY = b"k" * 32
UNREACHED = {"log_in", "get_login", "kill_worker"}
"""Who comes with a key has no login, and nobody guesses a password; workers are killed in development only."""


class Stranger:
    """A run of schemathesis in a process of its own, in a workspace of its own."""

    def __init__(self, web: Served, one: Tenant, seed: int, folder: Path) -> None:
        self.told = folder / f"{seed}.txt"
        aim = {"url": web.url, "key": one.key, "ids": one.ids, "queue": "held"}
        words = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
            *("run", f"{web.url}/api/openapi.json", "--header", f"Authorization: Bearer {one.key}"),
            *("--seed", str(seed), "--max-examples", str(EXAMPLES), "--no-color"),
        ]
        environ = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent),
            "AIM": json.dumps(aim),
            "SHARE": str(SHARE),
            "COLUMNS": "120",
        }
        with self.told.open("wb") as out:
            self.process = subprocess.Popen(
                words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )

    def cases(self) -> int:
        """Waits for its end; answers how many requests it made up. All must have been answered as the document says."""
        code = self.process.wait()
        said = self.told.read_text(errors="replace")
        assert code == 0, _short(said)
        for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
            assert f"✅ {phase}" in said, _short(said)
        found = re.search(r"(\d+) generated", said)
        assert found is not None, _short(said)
        return int(found[1])


def _short(said: str) -> str:
    """The report without the kilobytes that a body may have."""
    return "\n".join(line[:1_000] for line in said.splitlines()[:400])


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    """The service without limits of rates, and with small files: 429 would hide what stands behind it."""
    limits: dict[str, Any] = {
        "key_requests_per_second": 0,
        "workspace_requests_per_second": 0,
        "uploaded_asset_max_bytes": 64 << 10,
        "generated_asset_max_bytes": 64 << 10,
        "outgoing_allow": ("127.0.0.1",),
    }
    with served(database, tmp_path, **limits) as running:
        yield running


@pytest.mark.timeout(3_600 if DEEP else 600)
def test_the_service_holds_what_its_document_promises(
    web: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, tenants = 0, list[Tenant]()
    while cases < CASES:
        now = [_furnished(web, f"tenant{len(tenants) + n}") for n in range(SIDE_BY_SIDE)]
        strangers = [Stranger(web, one, FIRST_SEED + n, tmp_path) for n, one in enumerate(now, len(tenants))]
        tenants += now
        try:
            cases += sum(stranger.cases() for stranger in strangers)
        finally:
            for stranger in strangers:
                stranger.process.kill()
                stranger.process.wait()
    answers = _answers(tenants[0].http)
    assert {status for _, status in answers if status >= 500} == set()
    well = {name for name, status in answers if status < 300}
    assert {route.name for route in ROUTES} - well == UNREACHED
    there = sum(_read_all(one.http) for one in tenants)
    with closing(web.database.connect()) as conn:
        while run(conn, seals.seal(SEAL_KEY), SERVES_ALL).behind:
            pass
        report = run_each(conn, audit.verify([SEAL_KEY]), SERVES_ALL)
    assert report.ok and report.findings == () and report.jobs == there
    if DEEP:
        with capsys.disabled():
            sys.stdout.write(f"\n{cases} cases, {there} jobs, {report.events} events, {len(tenants)} workspaces\n")


@pytest.mark.parametrize(
    "said", [b"GET /api/v1/jobs?text=" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"hello\r\n\r\n"]
)
def test_what_is_no_http_is_refused_as_a_problem(web: Served, said: bytes) -> None:
    address = httpx2.URL(web.url)
    with (
        socket.create_connection((address.host, address.port or 0), 30) as connection,
        connection.makefile("rb") as told,
    ):
        connection.sendall(said)
        head, _, body = told.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "malformed"


def _furnished(web: Served, word: str) -> Tenant:
    """A workspace that has some of everything, and a delivery that failed, to be made again."""
    one = tenant(web, word)
    (failed,) = (it for it in _deliveries(one) if it["id"] == one.ids["delivery_id"])
    one.made(f"jobs/{failed['delivery_job_id']}/cancel", 200)
    with closing(web.database.connect()) as conn:
        while any(it["id"] == failed["id"] and it["status"] == "PENDING" for it in _deliveries(one)):
            run(conn, deliveries.dispatch(ids.many), SERVES_ALL)
    return one


def _deliveries(one: Tenant) -> list[dict[str, Any]]:
    return list(_listed(one.http, f"webhooks/{one.ids['webhook_id']}/deliveries"))


def _answers(http: httpx2.Client) -> Counter[tuple[str, int]]:
    """How often which operation was answered with which status, by the service's own meters."""
    names = {(str(route.method), route.path): route.name for route in ROUTES}
    found: Counter[tuple[str, int]] = Counter()
    for family in text_string_to_metric_families(http.get("/metrics").text):
        for sample in family.samples:
            if sample.name == "jobtrail_http_requests_total":
                labels = sample.labels
                name = names.get((labels["method"], labels["route"]), labels["route"])
                found[name, int(labels["status"])] += int(sample.value)
    return found


def _read_all(http: httpx2.Client) -> int:
    """Reads every row by the lists, and then what hangs on each one; of jobs that nothing happened to only on some.

    Answers how many jobs there are.
    """
    jobs = list(_listed(http, "jobs", limit="500"))
    untouched = [job for job in jobs if job["version"] == 1]
    for job in [*(job for job in jobs if job["version"] > 1), *untouched[:MOST_UNTOUCHED]]:
        path = f"jobs/{job['id']}"
        detail = _got(http, path)
        assert detail["job"]["id"] == job["id"]
        assert len(list(_listed(http, f"{path}/events"))) == detail["job"]["version"]
        for part in ("logs", "assets") if detail["attempts"] else ():
            list(_listed(http, f"{path}/{part}"))
        _got(http, f"{path}/why")
        _got(http, f"{path}/usage")
    for things in ("tasks", "projects", "assets", "webhooks", "api-keys", "gates"):
        for thing in _listed(http, things):
            assert _got(http, f"{things}/{thing['id']}")
    for things in ("queues", "workers", "members", "administration", "usage", "metrics/names"):
        list(_listed(http, things))
    return len(jobs)


def _listed(http: httpx2.Client, what: str, **query: str) -> Iterator[dict[str, Any]]:
    """All pages of a list."""
    while True:
        page = _got(http, what, **query)
        yield from page["items"]
        if page.get("next_cursor") is None:
            return
        query["cursor"] = page["next_cursor"]


def _got(http: httpx2.Client, what: str, **query: str) -> dict[str, Any]:
    answer = http.get(f"/api/v1/{what}", params=query)
    assert answer.status_code == 200, f"{what}: {answer.text[:1_000]}"
    found: dict[str, Any] = answer.json()
    return found
