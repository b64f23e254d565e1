"""Pages are asked for with any path, query and header: they answer in words, never with a failure of their own."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages.conftest import Ui
from pages.screens import BRACES, INSIDE, addresses, query_names
from pages.strange import PAYLOADS

from jobtrail.core.status import JobStatus
from jobtrail.web.routing import Route

EXAMPLES = 400 if os.environ.get("JOBTRAIL_DEEP") else 15
EVERY = pytest.mark.parametrize("route", INSIDE, ids=lambda route: route.path)

LIKELY = st.sampled_from(
    [*JobStatus, "status:failed", "type:render queue:media", "-24h", "-1", "0", "1", "50", "500", "999999999999999999999", "true", "false",
     "2026-11-20", "2026-11-20..2026-11-21", "2026-11-22T08:00:00Z", "..", "01a20113-c28b-7274-9d0c-ef649e7c3971", "1e309", "nan", "a,b",
     "cost>0.5", "input.a.b:1", '"never', "status:nothing", "W10", "WyJqb2JzIiwgIngiXQ", "day", "week", "model", "logs", "events"]
)  # fmt: skip
ANYTHING = st.one_of(LIKELY, st.sampled_from(PAYLOADS), st.text(max_size=40), st.integers().map(str))
REGIONS = st.lists(
    st.sampled_from(["rows", "figures", "nav", "main", "head", "figures_of_frame", "../x", "'"]), max_size=4
)


def ask(client: httpx2.Client, path: str, query: list[tuple[str, str]], headers: dict[str, str]) -> httpx2.Response:
    """One request, with a query in which anything may stand."""
    said = "&".join(
        f"{quote(name, safe='')}={quote(value.encode('utf-8', 'surrogatepass'), safe='')}" for name, value in query
    )
    return client.get(f"{path}?{said}" if said else path, headers=headers)


def holds(answer: httpx2.Response, *, parts: bool) -> None:
    """What is true of every answer of a page."""
    assert answer.status_code < 500, f"{answer.request.url}: {answer.text[:400]}"
    if answer.status_code == 200 and not parts:
        assert answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text.rstrip().endswith("</html>")


@EVERY
def test_no_query_breaks_a_page(looked_at: Ui, route: Route) -> None:
    names = st.sampled_from([*query_names(route), "x"])
    path = next(addresses(route, looked_at.stage)).path.partition("?")[0]

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(names, ANYTHING), max_size=5), REGIONS)
    def asked(query: list[tuple[str, str]], regions: list[str]) -> None:
        headers = {"Jobtrail-Region": " ".join(regions)} if regions else {}
        holds(ask(client, path, query, headers), parts=bool(regions))

    with httpx2.Client(base_url=looked_at.url, timeout=60) as client:
        for name in query_names(route):  # each alone, with what somebody might mean by it, and with what nobody means
            for value in ("", "0", "-1", "x", "9" * 30, "2026-11-20", str(JobStatus.FAILED), "\ud800", "%", "\x00"):
                holds(ask(client, path, [(name, value)], {}), parts=False)
        asked()


@pytest.mark.parametrize(
    "route", [one for one in INSIDE if set(BRACES.findall(one.path)) - {"workspace"}], ids=lambda one: one.path
)
def test_no_path_breaks_a_page(looked_at: Ui, route: Route) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.data())
    def asked(data: Any) -> None:
        path = route.path.replace("{workspace}", "default")
        for name in BRACES.findall(path):
            value = data.draw(ANYTHING.filter(bool), label=name)
            path = path.replace(f"{{{name}}}", quote(value.encode("utf-8", "surrogatepass"), safe=""))
        holds(ask(client, path, [], {}), parts=False)

    with httpx2.Client(base_url=looked_at.url, timeout=60) as client:
        asked()


@EVERY
def test_a_page_of_no_workspace_is_not_there(looked_at: Ui, route: Route) -> None:
    path = next(addresses(route, looked_at.stage)).path
    with httpx2.Client(base_url=looked_at.url, timeout=60) as client:
        for workspace in ("nobody", quote(PAYLOADS[1], safe=""), "%00", "%ff", "01a20113-c28b-7274-9d0c-ef649e7c3971"):
            answer = client.get(path.replace("/w/default", f"/w/{workspace}", 1))
            assert answer.status_code == 404, (workspace, answer.status_code)
