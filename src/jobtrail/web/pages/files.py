"""Files: what one job took in and made, and those of the whole workspace, found by name and media type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.asking import AssetOrigin
from jobtrail.core.model import Asset
from jobtrail.core.scopes import ApiScope
from jobtrail.service import assets
from jobtrail.service.assets import Wanted
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.job_head import AtQuery, JobHead, job_head
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_PAGE: Final = 48
_OF_PAST: Final = 500

Media = Literal["image", "video", "audio", "text", "pdf"]
_PATTERNS: Final[dict[str, tuple[str, ...]]] = {
    "image": ("image/%",),
    "video": ("video/%",),
    "audio": ("audio/%",),
    "text": ("text/%", "%json", "%xml", "application/yaml", "application/toml"),
    "pdf": ("application/pdf",),
}


class FilesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which files: `name` is a part of it."""

    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    media: Media | None = None
    before: UUID | None = None


class JobFilesQuery(AtQuery, frozen=True, kw_only=True):
    """Which files of a job."""

    media: Media | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Some files, newest first. `versions`: files of one name, oldest first; `older`: where the next page begins."""

    files: Sequence[Asset]
    origins: Mapping[UUID, AssetOrigin]
    versions: Mapping[str, Sequence[Asset]]
    older: UUID | None


async def show_files(call: Call, query: FilesQuery) -> Response:
    """The files of the workspace, newest first."""
    call.principal.require(ApiScope.JOBS_READ)
    wanted = Wanted(text=query.name or None, media=_patterns(query.media))
    shelf = await call.read(_shelf(call.workspace, wanted, query.before))
    said = {"name": query.name, "media": query.media}
    return await page(call, "files.html", "Files", shelf=shelf, query=query, said=said, media=list(_PATTERNS))


async def show_job_files(call: Call, job_id: UUID, query: JobFilesQuery) -> Response:
    """The files of a job, newest first; as of a time, those that were there by then."""
    call.principal.require(ApiScope.JOBS_READ)
    head = await job_head(call, job_id, query.at)
    if head.was is None:
        wanted = Wanted(job_id=job_id, media=_patterns(query.media))
        shelf = await call.read(_shelf(call.workspace, wanted, query.before))
    else:
        shelf = await call.read(_shelved(call.workspace, _then(head, query.media)))
    more = {"query": query, "media": list(_PATTERNS), "shelf": shelf}
    return await page(call, "job/files.html", head.name, head=head, tab="Files", **more)


@flow
def _shelf(workspace: UUID, wanted: Wanted, before: UUID | None) -> Steps[Shelf]:
    found = yield from ask(assets.page(workspace, wanted, before=before, limit=_PAGE))
    return (yield from _filled(workspace, found.assets, found.next_before))


@flow
def _shelved(workspace: UUID, files: Sequence[Asset]) -> Steps[Shelf]:
    return (yield from _filled(workspace, files, None))


def _filled(workspace: UUID, files: Sequence[Asset], older: UUID | None) -> Steps[Shelf]:
    made = yield from ask(assets.origins(workspace, [one.id for one in files]))
    versions: dict[str, list[Asset]] = {}
    for one in reversed(files):
        versions.setdefault(one.name, []).append(one)
    return Shelf(files=files, origins={one.asset_id: one for one in made}, versions=versions, older=older)


def _then(head: JobHead, media: Media | None) -> list[Asset]:
    """What was there at the time, newest first."""
    known = [] if head.was is None else list(head.was.known.assets)[-_OF_PAST:]
    return [one for one in reversed(known) if media is None or _fits(one.media_type, media)]


def _fits(media_type: str, media: Media) -> bool:
    patterns = _PATTERNS[media]
    return any(
        media_type.startswith(one[:-1]) if one.endswith("%") else media_type.endswith(one.removeprefix("%"))
        for one in patterns
    )


def _patterns(media: Media | None) -> tuple[str, ...] | None:
    return None if media is None else _PATTERNS[media]
