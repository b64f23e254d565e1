"""The types of jobs, one of them, and the form with which a job of it is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from starlette.responses import Response

from jobtrail.core import jsonguard
from jobtrail.core.aside import TypeFigures
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.filter import Filter
from jobtrail.core.model import Job, Worker
from jobtrail.service import breakers, jobs, types
from jobtrail.service.types import NEWEST
from jobtrail.web.api.types import TypeDetail, TypeView, get_type, list_types
from jobtrail.web.pages.page import page
from jobtrail.web.pages.shared import known_workers, shared
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name

_MOST: Final = 100
_SHOWN_JOBS: Final = 10
_CONFLICTS: Final = (
    ("", "answer that job"),
    ("REFUSE", "refuse this one"),
    ("REPLACE", "replace it if it waits"),
    ("SUPERSEDE", "replace it, stop it if it runs"),
)
_SOURCES: Final = {"built-in": "built-in", "package": "package", "app": "the app", "workers": "workers"}


class NewQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the form is filled with. `input` is JSON; `tags` are parted by commas."""

    type: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    input: Annotated[str, msgspec.Meta(max_length=64_000)] | None = None
    queue: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    priority: Annotated[str, msgspec.Meta(max_length=10)] | None = None
    delay: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    unique_key: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    on_conflict: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    title: Annotated[str, msgspec.Meta(max_length=1_024)] | None = None
    tags: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A type, and how its newest jobs went."""

    type: TypeView
    figures: TypeFigures | None


async def show_types(call: Call) -> Response:
    """All types that are known here."""
    known = (await list_types(call)).items
    figures = await _figures(call, [one.type for one in known])
    lines = [Line(one, figures.get(one.type)) for one in known]
    return await page(call, "types.html", "Types", lines=lines, newest=NEWEST, sources=_SOURCES)


async def show_type(call: Call, type: Name) -> Response:
    """One type: what it does, its input, who runs it, its newest jobs. Raises NotFound."""
    detail = await _detail(call, type)
    figures = await _figures(call, [type])
    newest: list[Job] = await call.read(
        jobs.listed(call.workspace, Filter(types=(type,)), limit=_SHOWN_JOBS, inputs=False)
    )
    found = await call.read(breakers.listed(call.workspace, type))
    breaker = found[0] if found else None
    if detail is None and not newest and breaker is None:
        raise NotFound(f"there is no type {type!r} in this workspace")
    return await page(
        call,
        "type.html",
        type,
        name=type,
        detail=detail,
        breaker=breaker,
        figures=figures.get(type),
        newest=newest,
        window=NEWEST,
        runs_on=await _workers(call, type),
        sources=_SOURCES,
    )


async def show_new_job(call: Call, query: NewQuery) -> Response:
    """The form for a new job; what is filled in stands in the address."""
    known = (await list_types(call)).items
    detail = None if not query.type else await _detail(call, query.type)
    input, wrong = _input(query.input, detail)
    return await page(
        call,
        "new.html",
        "New job",
        known=known,
        query=query,
        conflicts=_CONFLICTS,
        detail=detail,
        schema=_text(detail.input_schema if detail else None),
        value=_text(input),
        wrong=wrong,
        is_served=detail is not None and detail.workers > 0,
    )


async def _detail(call: Call, type: str) -> TypeDetail | None:
    try:
        return await get_type(call, type)
    except NotFound:
        return None


async def _figures(call: Call, names: Sequence[str]) -> dict[str, TypeFigures]:
    key = ("figures of types", *sorted(names))
    found = await shared(call, key, types.figures(call.workspace, list(names)[:_MOST]), 10.0)
    return {one.type: one for one in found}


async def _workers(call: Call, type: str) -> list[Worker]:
    live = [one for one in await known_workers(call) if one.stopped_at is None and one.leased and type in one.types]
    return [one for one in live if one.workspace_id in (None, call.workspace)]


def _input(given: str | None, detail: TypeDetail | None) -> tuple[Any, str | None]:
    """The input that the form begins with: what the address says, or an example of the type."""
    if given:
        try:
            return jsonguard.decode(given.encode(), at="input"), None
        except Invalid as error:
            return None, error.message
    examples = (detail.input_schema or {}).get("examples") if detail else None
    return (examples[0] if isinstance(examples, list) and examples else None), None


def _text(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()
