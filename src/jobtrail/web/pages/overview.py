"""The first screen: is anything wrong right now, and what runs. A workspace in which nothing ran yet is welcomed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from jobtrail.core.described import KnownType
from jobtrail.core.figures import Overview
from jobtrail.runners import registry
from jobtrail.service import overview, types
from jobtrail.web.pages import minutes
from jobtrail.web.pages.page import Frame, page, regions
from jobtrail.web.pages.shared import shared
from jobtrail.web.pages.spans import span
from jobtrail.web.runtime import Call

_SECONDS: Final = 2.0
_OWN: Final = "jobtrail."
"""Types of the system's own jobs begin so."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """A job that can be run here without being asked anything: its type."""

    type: str


async def show_overview(call: Call) -> Response:
    """How the workspace stands."""
    wanted = set(regions(call))
    if wanted == {"running"}:
        runs = await shared(call, "running", overview.running(call.workspace))
        return await page(call, "overview.html", "Overview", running=runs)
    found = await shared(call, "overview", overview.read(call.workspace, datetime.now(UTC)), _SECONDS)
    if not any(one.jobs or one.capped for one in found.counts):
        known, sample = await _types(call), await _sample(call)
        needs = () if sample or not known else await _needs(call, known[0].type)
        return await page(call, "welcome.html", "Welcome", types=known, sample=sample, needs=needs)
    if "welcome" in wanted:  # the first job has come: the page begins anew
        return RedirectResponse(call.request.url.path, 303)
    url = Frame(prefix=call.prefix, path="", principal=call.principal).url
    window = span("1h", found.at)
    return await page(
        call,
        "overview.html",
        "Overview",
        found=found,
        running=found.running,
        counts={one.status: one for one in found.counts},
        lost=found.ends.lost_attempts,
        paused=[one for one in found.queues if one.paused_at is not None],
        slowest=_slowest(found),
        charts=(minutes.throughput(found.minutes, window, url), minutes.waits(found.minutes, window, url)),
    )


def _slowest(found: Overview) -> float | None:
    """The longest wait of 95 of 100 jobs among the minutes, in seconds."""
    return max((one.wait_p95_ms / 1_000 for one in found.minutes if one.wait_p95_ms is not None), default=None)


async def _types(call: Call) -> list[KnownType]:
    """Types that a live worker runs and that somebody brought: an app, or a package."""
    known, ours = await shared(call, "types", types.listed(call.workspace), _SECONDS), registry.built_in()
    return [one for one in known if one.workers and not one.type.startswith(_OWN) and one.type not in ours]


async def _sample(call: Call) -> _Sample | None:
    """The first type of which one can be run without any input."""
    for one in (await _types(call))[:20]:
        known = await call.read(types.get(call.workspace, one.type))
        if known is not None and _needs_nothing(known.input_schema):
            return _Sample(one.type)
    return None


async def _needs(call: Call, type: str) -> list[str]:
    """What the input of a type must have, by name."""
    known = await call.read(types.get(call.workspace, type))
    schema = known.input_schema if known is not None else None
    required = schema.get("required") if isinstance(schema, Mapping) else None
    return [str(name) for name in required] if isinstance(required, list) else []


def _needs_nothing(schema: Any) -> bool:
    return isinstance(schema, Mapping) and not schema.get("required") and "$ref" not in schema
