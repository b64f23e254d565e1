"""What failed, in groups that failed alike, and one group by itself: to see, and to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from starlette.responses import Response

from jobtrail.core.figures import ErrorGroups
from jobtrail.core.jsonguard import check_name
from jobtrail.service import failures
from jobtrail.web.pages.page import page
from jobtrail.web.pages.searching import search
from jobtrail.web.pages.shared import shared
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name

Window = Literal["1h", "24h", "7d", "all"]
WINDOWS: Final[tuple[Window, ...]] = ("1h", "24h", "7d", "all")
_LENGTHS: Final[dict[Window, timedelta]] = {
    "1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7),
}  # fmt: skip
_SECONDS: Final = 2.0


class ErrorsPageQuery(msgspec.Struct, frozen=True):
    """Failures of which time."""

    window: Window = "24h"


class ErrorPageQuery(msgspec.Struct, frozen=True):
    """Failures of which time; an error is looked at as a whole if nothing is said."""

    window: Window = "all"


async def show_errors(call: Call, query: ErrorsPageQuery) -> Response:
    """The groups, the last seen first."""
    work = failures.groups(call.workspace, _since(query.window))
    found = await shared(call, ("errors", query.window), work, _SECONDS)
    return await page(
        call, "errors.html", "Errors", found=found, window=query.window, windows=WINDOWS, part=_part(found)
    )


async def show_error(call: Call, fingerprint: Name, query: ErrorPageQuery) -> Response:
    """One group."""
    name = check_name(fingerprint, "fingerprint")
    found = await call.read(failures.group(call.workspace, name, _since(query.window)))
    title = found.items[0].error_code or name
    return await page(call, "error_group.html", title, found=found, group=found.items[0], window=query.window,
                      windows=WINDOWS, part=_part(found), search=search)  # fmt: skip


def _since(window: Window) -> datetime | None:
    length = _LENGTHS.get(window)
    return None if length is None else datetime.now(UTC) - length


def _part(found: ErrorGroups) -> float:
    """How many seconds each bar of a trend stands for."""
    return (found.until - found.since).total_seconds() / 24
