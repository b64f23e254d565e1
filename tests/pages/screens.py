"""Where each screen of the table is found, in the scene that is staged: a new screen is visited, or missed here by a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from urllib.parse import quote

import msgspec
from pages.stage import Stage

from jobtrail.web.pages.table import SCREENS
from jobtrail.web.routing import HTML, Route, shape_of

NO_SCREENS = {"/w/{workspace}/jobs/{job_id}/data/{part}", "/static/{version}/{path:path}", "/w/{workspace}/live"}
"""Routes that answer no page: files, and the stream."""

OUTSIDE = {"/login", "/g/{link}"}
"""Screens of nobody's workspace."""

TELLING = ("COMPLETED", "FAILED after three attempts", "RUNNING", "agent", "gate with a form", "operation", "PENDING for RETRY",
           "QUEUED in a paused queue")  # fmt: skip
"""Jobs of the scene that look different from each other."""

_W = "/w/{workspace}"
QUERIES: dict[str, tuple[str, ...]] = {
    f"{_W}/jobs": ("status=FAILED", "q=status:failed", "t=-24h", "q=%22oops", "q=input.nothing:1"),
    f"{_W}/jobs/{{job_id}}": ("view=table", "failed=true", "scale=true", "at=2038-01-01T00:00:00Z"),
    f"{_W}/jobs/{{job_id}}/logs": ("level=ERROR", "q=psnr", "q=never+said", "attempt=1"),
    f"{_W}/jobs/{{job_id}}/events": ("verify=true", "kind=step"),
    f"{_W}/errors": ("window=all",),
    f"{_W}/queues/{{queue}}": ("window=24h",),
    f"{_W}/cost": ("by=model", "by=task"),
    f"{_W}/approvals": ("show=decided", "mine=true"),
    f"{_W}/files": ("media=image", "name=nothing"),
    f"{_W}/schedules": ("text=nothing", "expression=30+2+*+*+*&zone=Europe/Berlin", "expression=61+*+*+*+*"),
    f"{_W}/tasks": ("status=BACKLOG", "text=nothing"),
}
"""Further addresses of a screen, by its path: what its query shows."""

PAGES = [route for route in SCREENS if route.gives == HTML and route.status == 200]
INSIDE = [route for route in PAGES if route.path not in OUTSIDE]
BRACES = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Address:
    """A place to look at."""

    route: Route
    path: str

    def __str__(self) -> str:
        return self.path


def values_of(name: str, stage: Stage) -> list[str]:
    """What stands in a path for a parameter. Raises KeyError for one that nobody knows."""
    known = {
        "workspace": ["default"],
        "job_id": [stage.jobs[shows] for shows in TELLING],
        "operation_id": [stage.jobs["operation"], stage.jobs["operation to come"]],
        "task_id": [stage.ids["task_id"]],
        "project_id": [stage.ids["project_id"]],
        "asset_id": [stage.ids["asset_id"]],
        "gate_id": [stage.ids[shows] for shows in ("gate with a form", "gate with approvers", "plain gate")],
        "webhook_id": [stage.ids["webhook_id"]],
        "schedule_id": [stage.ids[shows] for shows in ("schedule", "broken schedule", "schedule of code")],
        "worker_id": [stage.ids["worker_id"]],
        "step_id": [stage.ids["step_id"]],
        "attempt_id": [stage.ids["attempt_id"]],
        "link": [stage.ids["link"], stage.ids["link that was used"]],
        "queue": [stage.media],
        "fingerprint": [stage.ids["fingerprint"]],
        "type": [stage.type],
    }
    return known[name]


def addresses(route: Route, stage: Stage) -> Iterator[Address]:
    """All places of a screen, in the scene."""
    names = BRACES.findall(route.path)
    for n, chosen in enumerate(product(*(values_of(name, stage) for name in names))):
        path = route.path
        for name, value in zip(names, chosen, strict=True):
            path = re.sub(rf"\{{{name}(:\w+)?\}}", lambda _, value=value: quote(value, safe=""), path)  # type: ignore[misc]
        yield Address(route, path)
        for query in QUERIES.get(route.path, ()) if n == 0 else ():
            yield Address(route, f"{path}?{query}")


def query_names(route: Route) -> tuple[str, ...]:
    """What may stand in the query of a screen."""
    query = shape_of(route).query
    return tuple(field.encode_name for field in msgspec.structs.fields(query)) if query else ()
