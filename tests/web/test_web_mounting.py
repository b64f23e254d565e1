"""The service behind a proxy, under a path prefix, and inside somebody else's app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from database import Database
from serving import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured
from jobtrail.web.app import Web
from jobtrail.web.runtime import Service


def test_under_a_prefix_addresses_carry_it_whether_the_proxy_strips_it_or_not(
    database: Database, tmp_path: Path
) -> None:
    with served(database, tmp_path, path_prefix="/jobs") as web:
        http = web.client()
        made = http.post("/api/v1/jobs", json={"type": "a"})
        assert made.headers["location"].startswith("/jobs/api/v1/jobs/")
        assert http.get("/api/openapi.json").json()["servers"] == [{"url": "/jobs"}]
        stripped = httpx2.get(f"{web.url.removesuffix('/jobs')}/health")
        assert stripped.json() == {"status": "ok"}


def test_behind_a_trusted_proxy_the_address_is_the_callers(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, trusted_proxies=("127.0.0.1",), local=True) as web:
        http = web.client("")
        assert http.get("/api/v1/me").status_code == 200
        told = http.get("/api/v1/me", headers={"X-Forwarded-For": "203.0.113.9"})
        assert told.status_code == 403


def test_nobody_is_trusted_who_is_not_named(database: Database, tmp_path: Path) -> None:
    with served(database, tmp_path, local=True) as web:
        assert web.client("").get("/api/v1/me", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200


async def test_mounted_in_another_app_it_works_beside_that_apps_own_routes(database: Database, tmp_path: Path) -> None:
    jobtrail = Web(Service(url=database.app_url, config=Config(home=tmp_path), local=True))

    async def own(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("mine")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await jobtrail.start()
        yield
        await jobtrail.stop()

    app = Starlette(routes=[Route("/", own), Mount("/jt", jobtrail)], lifespan=lifespan)
    transport = httpx2.ASGITransport(app, client=("127.0.0.1", 1))
    async with lifespan(app), httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await http.get("/")).text == "mine"
        made = await http.post("/jt/api/v1/jobs", json={"type": "a"})
        assert made.headers["location"].startswith("/jt/api/v1/jobs/")
        assert (await http.get(made.headers["location"])).status_code == 200
        assert (await http.get("/jt/nope")).json()["code"] == "no_such_route"


async def test_it_does_not_start_as_a_role_that_no_rule_binds(database: Database, tmp_path: Path) -> None:
    web = Web(Service(url=database.admin_url, config=Config(home=tmp_path)))
    with pytest.raises(Misconfigured, match="is a superuser"):
        await web.start()
    await web.stop()
