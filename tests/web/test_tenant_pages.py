"""Two workspaces that were filled alike, and their dashboards. With the other's name, ids and words in whatever place of an
address, with a key or a login, pages answer as for what does not exist, and never with a word of the other's."""

from __future__ import annotations

import difflib
import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest
from scene import ids as new_ids
from serving import Served, served
from web.tenant import Tenant, tenant, unknown

from jobtrail.core import login_tokens
from jobtrail.service import failures, login_sessions
from jobtrail.store.db import ALL, Scope, run
from jobtrail.web.cookies import PLAIN_NAME
from jobtrail.web.pages.table import SCREENS
from jobtrail.web.routing import HTML, Open, Route, shape_of

CANARY, NOBODY = (f"{word}{secrets.token_hex(8)}" for word in ("canary", "nobody"))
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = r"<svg.*?</svg>|<time.*?</time>|data-since=[^<]*<|\b\d+[hm]\d+[ms]\b|\d\d:\d\d:\d\d|\d+\.\d+|\d+ (?:ms|s|min)\b|db — ms|data-pace=.\d+"
DIFFERS = re.compile(rf"{TIME}|[0-9a-f]{{8,}}|…[0-9a-f]{{4,8}}", re.DOTALL)
BRACES = re.compile(r"\{(\w+)(?::\w+)?\}")
OF_WORKSPACE = [
    route
    for route in SCREENS
    if isinstance(route.scope, object) and route.scope is not Open.TO_ALL and "{workspace}" in route.path
]
PAGES = [route for route in OF_WORKSPACE if route.gives == HTML and route.status == 200]
EVERY = pytest.mark.parametrize("route", PAGES, ids=lambda route: route.path)

WORDS = {"queue": "queue", "type": "type", "tag": "tag", "name": "name", "q": "queue", "text": "text"}
"""What else may stand in a path or in a query, by the tenant's words; all other names of a query get their word, too."""


@dataclass
class Pair:
    """Our workspace, theirs, and two ways in which ours comes: a key and a login."""

    web: Served
    ours: Tenant
    theirs: Tenant
    visitors: dict[str, httpx2.Client]


def signed_in(web: Served, user: str) -> httpx2.Client:
    """A browser that somebody signed in with."""
    token = login_tokens.make(secrets.token_bytes(login_tokens.TOKEN_BYTES))
    begun = login_sessions.begin(UUID(user), login_tokens.digest(token), timedelta(days=1), id=new_ids.new())
    with closing(web.database.connect()) as conn:
        run(conn, begun, Scope.of(ALL))
    return web.client("", cookies={PLAIN_NAME: token})


@pytest.fixture(scope="module")
def pair(database_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for all pages: they only look."""
    folder: Path = tmp_path_factory.mktemp("pages")
    with (
        database_server.database() as database,
        served(database, folder, key_requests_per_second=0, workspace_requests_per_second=0) as web,
    ):
        ours, theirs = tenant(web, "plain"), tenant(web, CANARY)
        for one in (ours, theirs):
            order: dict[str, Any] = {"action": "prioritize", "priority": 3, "filter": {"tag": [one.word]}}
            one.ids["operation_id"] = one.made("bulk", **order)["job_id"]
            one.words["part"] = "input"
            with closing(database.connect()) as conn:
                found = run(conn, failures.groups(one.workspace), Scope.of(ALL))
            one.words["fingerprint"] = found.items[0].fingerprint
        yield Pair(web, ours, theirs, {"key": ours.http, "login": signed_in(web, ours.ids["user_id"])})


def path_of(route: Route, workspace: str, ids: dict[str, str]) -> str:
    """The address with these things in it."""
    values = {"workspace": workspace} | ids
    return BRACES.sub(lambda found: quote(values[found[1]], safe=""), route.path)


def things(one: Tenant) -> dict[str, str]:
    """What may stand in a path, of a workspace."""
    return one.words | one.ids


def heard(answer: httpx2.Response, *words: str) -> tuple[int, str]:
    """An answer without what was sent, and without what differs from one time to the next."""
    text = answer.text
    for word in words:
        for said in (word, quote(word, safe=""), quote(word)):
            text = text.replace(said, "word")
    return answer.status_code, DIFFERS.sub("…", UUIDS.sub("id", text))


def differ(one: tuple[int, str], other: tuple[int, str]) -> list[str]:
    """Where two answers differ."""
    said = [f"status {one[0]}", *one[1].splitlines()], [f"status {other[0]}", *other[1].splitlines()]
    return [
        line[:2_000]
        for line in difflib.unified_diff(*said, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]


@EVERY
@pytest.mark.parametrize("visitor", ["key", "login"])
def test_ones_own_page_shows_what_is_ones_own(pair: Pair, route: Route, visitor: str) -> None:
    for workspace in ("plain ltd", str(pair.ours.workspace)):
        answer = pair.visitors[visitor].get(path_of(route, workspace, things(pair.ours)))
        assert answer.status_code == 200, answer.text[:300]
        assert CANARY not in answer.text
        foreign = set(pair.theirs.ids.values()) | {str(pair.theirs.workspace)}
        assert not foreign & set(UUIDS.findall(answer.text))


@EVERY
@pytest.mark.parametrize("visitor", ["key", "login"])
def test_the_page_of_another_workspace_is_the_page_of_none(pair: Pair, route: Route, visitor: str) -> None:
    for whose in (things(pair.ours), things(pair.theirs)):
        for theirs, nobodys in (
            (f"{CANARY} ltd", f"{NOBODY} ltd"),
            (str(pair.theirs.workspace), unknown(str(pair.theirs.workspace))),
        ):
            answers = [pair.visitors[visitor].get(path_of(route, name, whose)) for name in (theirs, nobodys)]
            assert differ(heard(answers[0], theirs), heard(answers[1], nobodys)) == []
            assert answers[0].status_code == 404


@EVERY
def test_nobody_is_sent_to_the_login_whatever_the_address(pair: Pair, route: Route) -> None:
    nobody = pair.web.client("")
    for workspace in (f"{CANARY} ltd", f"{NOBODY} ltd"):
        answer = nobody.get(path_of(route, workspace, things(pair.theirs)), follow_redirects=False)
        assert answer.status_code == 303
        assert "/login?next=" in answer.headers["location"]


@pytest.mark.parametrize(
    "route", [one for one in OF_WORKSPACE if set(BRACES.findall(one.path)) - {"workspace"}], ids=lambda one: one.path
)
@pytest.mark.parametrize("visitor", ["key", "login"])
def test_things_of_another_workspace_are_things_of_nobody(pair: Pair, route: Route, visitor: str) -> None:
    for name in set(BRACES.findall(route.path)) - {"workspace", "part"}:
        theirs = things(pair.theirs)[name]
        nobodys = unknown(theirs) if UUIDS.fullmatch(theirs) else theirs.replace(CANARY, NOBODY)
        if name == "fingerprint":
            assert theirs != things(pair.ours)[name]
            nobodys = "fp_00000000"
        answers = [
            pair.visitors[visitor].get(path_of(route, "plain ltd", things(pair.ours) | {name: value}))
            for value in (theirs, nobodys)
        ]
        assert differ(heard(answers[0], theirs), heard(answers[1], nobodys)) == [], name
        assert answers[0].status_code == 404 or name in WORDS, f"{name}: {answers[0].status_code}"
        assert CANARY not in answers[0].text.replace(theirs, "").replace(quote(theirs, safe=""), "")


@EVERY
def test_words_and_ids_of_another_workspace_find_nothing_in_a_query(pair: Pair, route: Route) -> None:
    query = shape_of(route).query
    path = path_of(route, "plain ltd", things(pair.ours))
    for field in msgspec.structs.fields(query) if query else ():
        name = field.encode_name
        for theirs in {things(pair.theirs).get(name, CANARY), CANARY, pair.theirs.ids["job_id"], f"queue:{CANARY}"}:
            nobodys = unknown(theirs) if UUIDS.fullmatch(theirs) else theirs.replace(CANARY, NOBODY)
            answers = [pair.visitors["key"].get(path, params={name: value}) for value in (theirs, nobodys)]
            assert differ(heard(answers[0], theirs, CANARY), heard(answers[1], nobodys, NOBODY)) == [], (name, theirs)
            assert answers[0].status_code in (200, 404, 422), (name, theirs, answers[0].text[:300])


@pytest.mark.parametrize("route", [one for one in OF_WORKSPACE if one not in PAGES], ids=lambda one: one.path)
def test_what_is_no_page_is_kept_apart_as_well(pair: Pair, route: Route) -> None:
    for visitor in pair.visitors.values():
        for workspace in (f"{CANARY} ltd", str(pair.theirs.workspace), f"{NOBODY} ltd", str(uuid4())):
            answer = visitor.get(path_of(route, workspace, things(pair.ours)), follow_redirects=False)
            assert answer.status_code == 404, (workspace, answer.status_code)


def test_a_login_changes_nothing_in_a_workspace_that_is_not_its_persons(pair: Pair) -> None:
    mine = pair.visitors["login"]
    token = mine.get("/api/v1/login").json()["csrf_token"]
    for workspace in (str(pair.theirs.workspace), f"{CANARY} ltd"):
        headers = {"X-CSRF-Token": token, "Jobtrail-Workspace": workspace}
        assert mine.post("/api/v1/jobs", json={"type": "demo"}, headers=headers).status_code == 403
