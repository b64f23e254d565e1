"""The pictures that stand above a job's timeline, as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jobtrail.core.model import Asset
from jobtrail.core.scopes import ApiScope
from jobtrail.service import assets
from jobtrail.web.pages.job_head import JobHead
from jobtrail.web.runtime import Call

_MOST: Final = 16
_LOOKED_AT: Final = 40
_SHOWN: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm")


async def pictures_of(call: Call, head: JobHead) -> Sequence[Asset]:
    """The newest pictures of a job in the order of their making; as of a time, those that were there by then. None for whoever
    may not read files."""
    if ApiScope.ASSETS_READ not in call.principal.scopes:
        return ()
    if head.was is not None:
        known = list(head.was.known.assets)
    elif head.counts.files:
        known = await call.read(assets.newest_of(call.workspace, [head.job.id], _LOOKED_AT))
    else:
        known = []
    return sorted((one for one in known if one.media_type in _SHOWN), key=lambda one: one.id)[-_MOST:]
