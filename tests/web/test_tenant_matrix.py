"""Two workspaces that were filled alike. Whatever one asks with the other's ids, names, keys and cursors, wherever they may
stand, is answered as for things that do not exist. It follows the table of routes: what is new is tried, or named here."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest
from database import Database
from serving import Served, served
from web.tenant import LONG_AGO, Tenant, tenant, unknown, unknown_cursor, with_secret_of

from jobtrail.web.routing import Route, shape_of
from jobtrail.web.table import ROUTES

CANARY, NOBODY = (f"{word}{secrets.token_hex(8)}" for word in ("canary", "nobody"))
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DIFFERS = re.compile(r'"request_id":"[^"]*"|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)|jt_\w+_[\w-]{43}|whsec_[\w+/=]+')
STREAMS = {route.name for route in ROUTES if route.gives and route.gives.media_type == "text/event-stream"}
OF_THE_MOMENT = {"get_overview", "get_system"}
"""Routes that tell how things stand at this moment, which differs from one moment to the next."""
Ids = dict[str, Any]

_WHOSE = {"type": "demo", "queue": "elsewhere"}
_PLANS = ("project_id", "task_id", "parent_id", "rerun_of")


def _job(ids: Ids) -> dict[str, Any]:
    after = {"after": [ids["job_id"]]} if "job_id" in ids else {}
    return _WHOSE | {name: ids[name] for name in _PLANS if name in ids} | after


EMPTY = (
    "cancel_job", "rerun_job", "approve_gate", "reject_gate", "pause_queue", "pause_workspace", "drain_worker",
    "mute_error", "resolve_error", "start_task", "pause_schedule", "rotate_webhook_secret", "set_breaker",
    "stop_worker", "finish_step", "complete_attempt", "cancel_attempt",
)  # fmt: skip
"""Routes whose least body is an empty one."""

BODIES: dict[str, Callable[[Ids], Any]] = {
    "enqueue_job": _job,
    "enqueue_jobs": lambda ids: {"jobs": [_job(ids)]},
    "start_children": lambda ids: {"key": "mine", "jobs": [_job(ids)]},
    "change_job": lambda _: {"title": "mine"},
    "signal_job": lambda _: {"name": "mine"},
    "create_render": lambda _: {"template": {"src": "a", "composition": "b"}},
    "update_render": lambda _: {"state": "started"},
    "make_gate_link": lambda _: {"person": "mine"},
    "create_group": lambda _: {"name": f"g{uuid4()}"},
    "add_group_member": lambda _: {"member": "mine@example.org"},
    "wait_in_step": lambda _: {"name": "nap", "seconds": 86_400},
    "fork_job": lambda _: {"from_step": "#1"},
    "create_task": lambda ids: {"title": "t"} | _some(ids, "project_id"),
    "change_task": lambda ids: {"title": "mine"} | _some(ids, "project_id"),
    "follow_up_task": lambda ids: {"prompt": "mine"} | _some(ids, "job_id"),
    "create_project": lambda _: {"name": f"p{uuid4()}"},
    "rename_project": lambda _: {"name": f"p{uuid4()}"},
    "run_bulk": lambda ids: {"action": "prioritize", "priority": 3, "dry_run": True,
                             "filter": {"priority": [9]} | _some(ids, "project_id", "task_id", "parent_id") | _listed(ids)},
    "create_schedule": lambda ids: {"name": f"s{uuid4()}", "type": "demo", "expression": "@yearly"} | _folders(ids),
    "change_schedule": lambda ids: {"title": "mine"} | _folders(ids),
    "backfill_schedule": lambda _: {"since": LONG_AGO, "until": "2020-01-02T00:00:00Z", "dry_run": True},
    "set_budget": lambda _: {"scope": "TYPE", "subject": f"t{uuid4()}", "limit_usd": "1"},
    "change_budget": lambda _: {"limit_usd": "7"},
    "reserve_budget": lambda _: {"usd": "0.01"},
    "create_webhook": lambda _: {"url": "https://example.org/", "events": ["job.completed"]},
    "change_webhook": lambda _: {"description": "mine"},
    "replay_webhook": lambda _: {"since": LONG_AGO},
    "create_key": lambda _: {"name": "k", "scopes": ["jobs:read"]},
    "set_limit": lambda _: {"scope": "KEY", "name": f"k{uuid4()}", "max_slots": 3},
    "set_queue_limit": lambda _: {"max_slots": 99},
    "set_policy": lambda _: {"policy": {"demo": {"mine": True}}},
    "rename_workspace": lambda _: {"name": "plain ltd"},
    "add_member": lambda _: {"email": f"{uuid4()}@example.org", "role": "VIEWER"},
    "change_member": lambda _: {"role": "VIEWER"},
    "log_in": lambda _: {"email": f"{uuid4()}@example.org", "password": "no"},
    "register_worker": lambda _: {"name": "w", "types": ["demo"]},
    "claim_jobs": lambda ids: {"worker_id": ids["worker_id"], "queues": ["none"]} | _holding(ids),
    "beat_worker": lambda ids: {"attempts": [{name: ids[name] for name in ("job_id", "attempt_id")}]} if "job_id" in ids else {},
    "tell_progress": lambda _: {"percent": 41},
    "begin_step": lambda _: {"name": "mine"},
    "tell_event": lambda ids: {"event": "ai.tool_called", "note": {"mine": 1}} | _some(ids, "step_id"),
    "identify_attempt": lambda _: {"process_id": 1, "session_id": "mine"},
    "ask_people": lambda _: {"question": "May it?"},
    "write_lines": lambda ids: {"lines": ["mine"]} | _some(ids, "step_id"),
    "book_usage": lambda ids: {"number": 7, "provider": "p", "model": "m"} | _some(ids, "step_id"),
    "measure_attempt": lambda _: {"values": [{"name": "n", "value": 1.5}]},
    "fail_attempt": lambda _: {"message": "no"},
    "snooze_attempt": lambda _: {"delay_seconds": 60},
    "let_attempt_wait": lambda _: {"reason": "QUOTA", "message": "mine"},
    **dict.fromkeys(EMPTY, lambda _: {}),
}  # fmt: skip
"""What is sent: the least that is valid, with the ids that are to stand in it."""

IN_BODIES: dict[str, tuple[str, ...]] = {
    "enqueue_job": (*_PLANS, "job_id"),
    "enqueue_jobs": (*_PLANS, "job_id"),
    "start_children": (*_PLANS, "job_id"),
    "create_task": ("project_id",),
    "change_task": ("project_id",),
    "follow_up_task": ("job_id",),
    "run_bulk": ("project_id", "task_id", "parent_id", "job_id"),
    "create_schedule": ("project_id", "task_id"),
    "change_schedule": ("project_id", "task_id"),
    "claim_jobs": ("worker_id", "attempt_id"),
    "beat_worker": ("job_id", "attempt_id"),
    "tell_event": ("step_id",),
    "write_lines": ("step_id",),
    "book_usage": ("step_id",),
}
"""Which ids stand in a body; a test compares it with the types of the bodies."""
ALSO_CALLED = {
    "after": "job_id",
    "holding": "attempt_id",
    "before": "job_id",
    "id": "job_id",
    "workspace": "workspace",
    "source_task_id": "task_id",
}
NEEDED = {"worker_id", "job_id", "attempt_id"}
"""Ids that a worker's routes cannot do without; all others are left out where they are not what is tried."""

NAMES = {"queue", "type", "tags", "fingerprint", "group", "member"}
"""What a path may hold that is no id: each workspace has names of its own, so any may be used by anybody."""

GIVEN_AWAY = {"call_back"}
"""Routes at which an address itself is the permission, whoever comes with it: no login, and so no workspace."""
ALIKE = {"remove_render"}
"""Routes that answer alike whether there was something or not, as their callers expect it."""

WORDS: dict[str, Callable[[Tenant], str]] = {
    "types": lambda one: one.words["type"],
    "queue": lambda one: one.words["queue"],
    "subject": lambda one: one.words["type"],
    "group": lambda one: one.words["group"],
    "tag": lambda one: one.words["tag"],
    "type": lambda one: one.words["type"],
    "text": lambda one: one.words["text"],
    "name": lambda one: one.words["name"],
    "digits": lambda one: one.words["digits"],
    "metric_name": lambda one: one.words["metric_name"],
    "q": lambda one: f"queue:{one.word} tag:{one.word}",
    "filter": lambda one: json.dumps({"queues": [one.word], "tags": [one.word]}),
}
HARMLESS = {"expression", "zone", "limit", "role", "metric_type", "media_type", "by", "after", "cursor", "logs"}
"""Parameters of texts and numbers that name nothing of anybody; cursors and `after` have tests of their own."""
HEADERS: dict[str, Callable[[Tenant], str]] = {
    "idempotency_key": lambda one: f"{one.word} key",
    "if_match": lambda _: '"999"',
    "if_none_match": lambda one: f'"{one.words["sha256"]}"',
    "if_range": lambda one: f'"{one.words["sha256"]}"',
    "x_content_sha256": lambda one: one.words["sha256"],
    "content_digest": lambda one: f"sha-256=:{base64.b64encode(bytes.fromhex(one.words['sha256'])).decode()}:",
    "range": lambda _: "bytes=0-3",
    "last_event_id": lambda _: "1",
}

EVERY = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


def _some(ids: Ids, *names: str) -> Ids:
    return {name: ids[name] for name in names if name in ids}


def _folders(ids: Ids) -> Ids:
    found = _some(ids, "project_id", "task_id")
    return {"options": found} if found else {}


def _listed(ids: Ids) -> Ids:
    return {"id": [ids["job_id"]]} if "job_id" in ids else {}


def _holding(ids: Ids) -> dict[str, list[Any]]:
    """What our worker knows of: its own attempt, which else would be taken from it, and the one that is tried."""
    return {"holding": [ids["own_attempt_id"], ids["attempt_id"]]} if "own_attempt_id" in ids else {}


@dataclass
class Pair:
    """Our workspace and theirs."""

    web: Served
    ours: Tenant
    theirs: Tenant
    nobodys: Ids = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nobodys = {name: unknown(id) for name, id in self.theirs.ids.items()}


@pytest.fixture(scope="module")
def pair(database_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for all routes: what is tried changes nothing of theirs, and the last test proves it."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    with (
        database_server.database() as database,
        served(database, folder, key_requests_per_second=0, workspace_requests_per_second=0) as web,
    ):
        yield Pair(web, tenant(web, "plain"), tenant(web, CANARY))


@pytest.fixture(scope="module", autouse=True)
def theirs_is_as_it_was(pair: Pair) -> Iterator[None]:
    """Everything of theirs, as they see it themselves, is after all these tests as it was before."""
    before = snapshot(pair.theirs)
    assert CANARY in json.dumps(before)
    yield
    assert snapshot(pair.theirs) == before


def snapshot(one: Tenant) -> dict[str, str]:
    """All that a workspace can see of itself, without what only says that somebody looks."""
    found = {}
    for route in ROUTES:
        quiet = route.name not in STREAMS | OF_THE_MOMENT
        if route.method == "GET" and quiet and route.path.startswith("/api/v1"):
            answer = one.http.get(path_of(route, one.ids | one.words), params=query_of(route, one))
            text = re.sub(
                r'"(silent_seconds|last_used_at|now|until|new_since|trend)":("[^"]*"|\[[^\]]*\]|[^,}]+)',
                "",
                answer.text,
            )
            text = re.sub(r'\{"line":"header".*\n', "", text)  # says when it was written out
            found[f"{route.path} {answer.status_code}"] = re.sub(r'"request_id":"[^"]*"', "", text)
    return found


def path_of(route: Route, ids: Ids) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), route.path)


def query_of(route: Route, one: Tenant) -> dict[str, str]:
    """What a query cannot do without."""
    shape = shape_of(route)
    fields = msgspec.structs.fields(shape.query) if shape.query else ()
    known = (
        one.ids | {name: word(one) for name, word in WORDS.items()} | {"metric_type": "demo", "expression": "@yearly"}
    )
    return {field.name: known[field.name] for field in fields if field.required}


def send(one: Tenant, route: Route, ids: Ids, query: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
    """One request. Of streams only the head is read."""
    body: dict[str, Any] = {}
    if route.name in BODIES:
        body = {"json": BODIES[route.name](ids)}
    elif route.takes is not None:
        body = {"content": b"bytes of mine"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = one.http.build_request(route.method, path_of(route, ids), params=query, headers=given, **body)
    answer = one.http.send(request, stream=route.name in STREAMS)
    if route.name in STREAMS:
        if answer.status_code != 200:
            answer.read()
        answer.close()
    return answer


def heard(answer: httpx2.Response, *words: str) -> tuple[int, str, list[str | None]]:
    """An answer, without what differs from one request to the next, and without the words that were sent."""
    text = answer.text if answer.is_closed and hasattr(answer, "_content") else ""
    for word in words:
        text = text.replace(word, "word").replace(json.dumps(word)[1:-1], "word")
    kept = [answer.headers.get(name) for name in ("content-type", "etag", "retry-after", "allow", "content-range")]
    return answer.status_code, DIFFERS.sub("…", UUIDS.sub("id", text)), kept


def ids_in(type_: Any, found: set[str], name: str = "") -> set[str]:
    """The names of all fields that hold an id, however deep."""
    if type_ is UUID:
        found.add(ALSO_CALLED.get(name, name))
    elif isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        for field, hint in get_type_hints(type_, include_extras=True).items():
            ids_in(hint, found, field)
    for part in get_args(type_):
        ids_in(part, found, name)
    return found


def positions(route: Route) -> tuple[set[str], set[str], set[str]]:
    """The ids that a route takes: in its path, its query, its body."""
    shape = shape_of(route)
    in_query = ids_in(shape.query, set()) - {"workspace"} if shape.query else set()
    return set(shape.path) - NAMES, in_query, set(IN_BODIES.get(route.name, ()))


@EVERY
def test_a_route_that_takes_a_body_is_tried_with_one(route: Route) -> None:
    shape = shape_of(route)
    body = route.shows or shape.body
    assert (body is None) == (route.name not in BODIES), f"{route.name} needs an entry in BODIES, or none"
    assert ids_in(body, set()) == set(IN_BODIES.get(route.name, ())), f"say in IN_BODIES which ids {route.name} takes"


@EVERY
def test_ids_of_another_workspace_are_ids_of_nothing(pair: Pair, route: Route) -> None:
    """In every place alone, and in all places together with ours."""
    path, in_query, in_body = positions(route) if route.name not in GIVEN_AWAY else (set(), set(), set())
    places = (
        [("path", name) for name in path]
        + [("query", name) for name in in_query]
        + [("body", name) for name in in_body]
    )
    for n in range(1, len(places) + 1):
        for chosen in itertools.combinations(places, n):
            names = {name for _, name in chosen}
            answers = [ask(pair.ours, route, names, foreign) for foreign in (pair.theirs.ids, pair.nobodys)]
            assert heard(answers[0]) == heard(answers[1]), (chosen, answers[0].text)
            named = any(place == "path" for place, _ in chosen) and route.name not in ALIKE
            fits = {404} if named else {200, 404, 409, route.status}
            assert answers[0].status_code in fits or SAYS[route.name] in answers[0].text, (chosen, answers[0].text)


SAYS = {"start_children": "invalid", "enqueue_job": "is not there", "enqueue_jobs": "is not there", "create_task": "it is not there",
        "change_task": "it is not there", "create_schedule": "it is not there", "change_schedule": "it is not there", "stream_workspace": "not for streams"}  # fmt: skip
"""Who answers 422 where a body or a query names what is not there, and what it says."""


def ask(one: Tenant, route: Route, names: set[str], foreign: Ids) -> httpx2.Response:
    """A request of a route in which the ids of these names are foreign, and the others our own."""
    path, in_query, in_body = positions(route)
    mixed = one.ids | {name: foreign[name] for name in names}
    sent = {name: mixed[name] for name in path | (in_body & (names | NEEDED))} | {
        "queue": "mine",
        "own_attempt_id": one.ids.get("attempt_id"),
    }
    required = query_of(route, one)
    asked = in_query & (names | set(required))
    query = required | {called: mixed[name] for name in asked for called in _params(route, name)}
    return send(one, route, sent, query, {})


def _params(route: Route, name: str) -> list[str]:
    """How the query calls an id."""
    fields = shape_of(route).query.__struct_fields__  # type: ignore[union-attr]
    also = [called for called, of in ALSO_CALLED.items() if of == name and called in fields]
    return [name] if name in fields else also


@EVERY
def test_words_of_another_workspace_are_words_like_any_other(pair: Pair, route: Route) -> None:
    shape = shape_of(route)
    hints = get_type_hints(shape.query, include_extras=True) if shape.query else {}
    named = [name for name, hint in hints.items() if _is_text(hint)]
    assert set(named) - set(WORDS) <= HARMLESS, (
        f"say in WORDS what {set(named) - set(WORDS) - HARMLESS} of {route.name} may name"
    )
    for name in set(named) & set(WORDS):
        mine = [WORDS[name](pair.theirs)]
        mine.append(unknown_word(mine[0], pair.theirs))
        answers = [
            send(
                pair.ours,
                route,
                pair.ours.ids | {"queue": "mine", "tags": "mine"},
                query_of(route, pair.ours) | {name: word},
                {},
            )
            for word in mine
        ]
        assert heard(answers[0], mine[0], CANARY) == heard(answers[1], mine[1], NOBODY), name
        assert answers[0].status_code == route.status, answers[0].text
    for name in set(shape.path) & NAMES:
        words = (pair.theirs.words[name], NOBODY)
        answers = [
            send(pair.ours, route, pair.ours.ids | {name: word}, query_of(route, pair.ours), {}) for word in words
        ]
        assert heard(answers[0], words[0]) == heard(answers[1], words[1]), name


def unknown_word(word: str, theirs: Tenant) -> str:
    return word.replace(theirs.word, NOBODY) if theirs.word in word else unknown(theirs.ids["job_id"])[-12:]


def _is_text(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_text(get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return False
    return hint is str or any(_is_text(part) for part in get_args(hint) if not isinstance(part, str))


@EVERY
def test_headers_of_another_workspace_say_nothing(pair: Pair, route: Route) -> None:
    headers = shape_of(route).headers
    for name in headers.__struct_fields__ if headers else ():
        assert name in HEADERS, f"say in HEADERS what {name} of {route.name} may hold"
        theirs = HEADERS[name](pair.theirs)
        others = Tenant(
            pair.theirs.workspace,
            NOBODY,
            "",
            pair.theirs.http,
            {},
            {"sha256": hashlib.sha256(NOBODY.encode()).hexdigest()},
        )
        answers = [
            send(pair.ours, route, pair.ours.ids, query_of(route, pair.ours), {name: value})
            for value in (theirs, HEADERS[name](others))
        ]
        said = [
            heard(answer, HEADERS[name](one), one.words["sha256"])
            for answer, one in zip(answers, (pair.theirs, others), strict=True)
        ]
        assert said[0] == said[1], name
        assert CANARY not in str(answers[0].headers), name


@EVERY
def test_cursors_of_another_workspace_go_on_in_ones_own(pair: Pair, route: Route) -> None:
    shape = shape_of(route)
    if shape.query is None or "cursor" not in shape.query.__struct_fields__:
        return
    ours, theirs = pair.ours, pair.theirs
    page = theirs.http.get(path_of(route, theirs.ids), params={"limit": 1}).json()
    assert page["next_cursor"], f"the tenants need two of what {route.name} lists"
    answers = [
        ours.http.get(path_of(route, ours.ids), params={"cursor": cursor})
        for cursor in (page["next_cursor"], unknown_cursor(page["next_cursor"]))
    ]
    assert heard(answers[0]) == heard(answers[1])
    assert answers[0].status_code == 200, answers[0].text


@pytest.fixture
def fresh(database: Database, tmp_path: Path) -> Iterator[Pair]:
    """A pair of which nobody has tried anything yet."""
    with served(database, tmp_path) as web:
        yield Pair(web, tenant(web, "plain"), tenant(web, CANARY))


def test_what_one_sees_of_ones_own_holds_nothing_of_another(fresh: Pair) -> None:
    ours, theirs = fresh.ours, fresh.theirs
    foreign = (set(theirs.ids.values()) | {str(theirs.workspace)}) - set(ours.ids.values())
    for route in ROUTES:
        if route.method != "GET" or route.name in STREAMS:
            continue
        query = shape_of(route).query
        fields = query.__struct_fields__ if query else ()
        most = {name: value for name, value in {"limit": "500", "waiting": "false"}.items() if name in fields}
        answer = ours.http.get(path_of(route, ours.ids | ours.words), params=query_of(route, ours) | most)
        assert answer.status_code in (route.status, 401, 404), answer.text
        assert CANARY not in answer.text, route.path
        assert not foreign & set(UUIDS.findall(answer.text)), route.path


def test_a_key_is_worth_nothing_with_the_id_of_another(pair: Pair) -> None:
    answers = []
    for id in (pair.theirs.ids["key_id"], unknown(pair.theirs.ids["key_id"])):
        client = pair.web.client(with_secret_of(pair.ours.key, id))
        answers.append(client.get("/api/v1/me"))
    assert heard(answers[0]) == heard(answers[1])
    assert answers[0].status_code == 401


def test_a_workspace_that_is_named_with_a_key_is_not_listened_to(pair: Pair) -> None:
    theirs = str(pair.theirs.workspace)
    for headers, query in (({"Jobtrail-Workspace": theirs}, {}), ({}, {"workspace": theirs})):
        answer = pair.ours.http.get("/api/v1/me", headers=headers, params=query)
        assert answer.status_code == 422 or answer.json()["workspace"]["id"] == str(pair.ours.workspace)


def test_a_key_used_elsewhere_makes_a_job_of_its_own(fresh: Pair) -> None:
    headers = {"Idempotency-Key": f"{CANARY} key"}
    made = fresh.ours.http.post("/api/v1/jobs", json={"type": "demo", "queue": "mine"}, headers=headers)
    assert (made.status_code, made.json()["existed"]) == (201, False)
    unique = fresh.ours.http.post("/api/v1/jobs", json={"type": "demo", "queue": "mine", "unique_key": CANARY})
    assert (unique.status_code, unique.json()["existed"]) == (201, False)


def test_whom_a_workspace_adds_by_mail_is_not_told(pair: Pair) -> None:
    """Neither whether they were known before, nor how they are called there."""
    emails = (pair.theirs.words["email"], f"{uuid4()}@example.org")
    answers = [pair.ours.http.post("/api/v1/members", json={"email": email, "role": "VIEWER"}) for email in emails]
    assert heard(answers[0]) == heard(answers[1])
    assert answers[0].status_code == 204
    members = pair.ours.http.get("/api/v1/members").json()["items"]
    found = {one["email"]: (one["name"], one["disabled_at"]) for one in members}
    assert [found[email] for email in emails] == [(email.partition("@")[0], None) for email in emails]


def test_the_same_bytes_are_two_files(pair: Pair) -> None:
    ours, theirs = pair.ours, pair.theirs
    made = ours.http.post("/api/v1/assets", params={"name": "x"}, content=CANARY.encode()).json()["id"]
    assert ours.http.delete(f"/api/v1/assets/{made}").status_code == 204
    assert theirs.http.get(f"/api/v1/assets/{theirs.ids['asset_id']}/content").content == CANARY.encode()
