"""Routes of assets: upload, list, look, fetch the bytes, remove."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.model import Asset
from jobtrail.service import assets, jobs
from jobtrail.service.assets import NewAsset, Wanted
from jobtrail.store.identity import new_id
from jobtrail.web import cursors, files, sniff, uploads
from jobtrail.web.files import Asked, File
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Name

log = logging.getLogger("jobtrail.web")

_MEDIA_TYPE: Final = r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}$"
_NO_TYPES: Final = frozenset({sniff.OCTETS, "application/x-www-form-urlencoded", "multipart/form-data"})
"""What a program says that does not know, or that speaks of the request and not of the file."""

_DIGEST: Final = r"[a-z0-9-]{1,20}=:[A-Za-z0-9+/]{0,100}={0,2}:"
_CONTENT_DIGEST: Final = rf"^(?:{_DIGEST}, ?)*sha-256=:[A-Za-z0-9+/]{{43}}=:(?:, ?{_DIGEST})*$"

MediaType = Annotated[str, msgspec.Meta(pattern=_MEDIA_TYPE, max_length=127)]
Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="What the file is for.")]


class AssetView(msgspec.Struct, frozen=True):
    """A file: of a job that took it in or made it, or of the workspace. `sha256` is the digest of its bytes, in hex."""

    id: UUID
    job_id: UUID | None
    attempt_id: UUID | None
    step_id: UUID | None
    source_task_id: UUID | None
    name: str
    role: str
    media_type: str
    byte_size: int
    sha256: str
    created_by: str | None
    created_at: datetime


class UploadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is to be: of a job that has not ended, or of the workspace. Without a name it gets a plain one."""

    name: Name | None = None
    role: Role = "input"
    job_id: UUID | None = None
    task_id: UUID | None = None
    media_type: MediaType | None = None


class Digests(msgspec.Struct, frozen=True):
    """The SHA-256 of the file, if it is to be checked on arrival."""

    content_digest: (
        Annotated[str, msgspec.Meta(pattern=_CONTENT_DIGEST, max_length=512, description="As in RFC 9530.")] | None
    ) = None
    x_content_sha256: (
        Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$", description="The same in hex.")] | None
    ) = None


class AssetsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which files to list."""

    job_id: UUID | None = None
    task_id: UUID | None = None
    role: Role | None = None
    name: Name | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many, and where to go on."""

    limit: Limit = 50
    cursor: Cursor | None = None


class Conditions(msgspec.Struct, frozen=True):
    """Which part, and only if it is not known yet."""

    range: Annotated[str, msgspec.Meta(description="`bytes=0-99`; up to 5 parts, more are ignored.")] | None = None
    if_range: Annotated[str, msgspec.Meta(description="The ETag that the parts must be of.")] | None = None
    if_none_match: Annotated[str, msgspec.Meta(description="ETags that are known.")] | None = None


async def upload_asset(call: Call, query: UploadQuery, headers: Digests) -> Reply[AssetView]:
    """Upload a file: its bytes as the body, of any media type, or a form with one file.

    It is streamed to the disk. A digest that is sent along is checked, and nothing is kept where it does not fit.
    """
    limit = call.runtime.config.uploaded_asset_max_bytes
    name = None if query.name is None else jsonguard.check_name(query.name, "name")
    digest = uploads.digest_of(headers.content_digest, headers.x_content_sha256)
    uploads.check_size(call.request, limit)
    await call.read(assets.check_home(call.workspace, job_id=query.job_id, task_id=query.task_id))
    named, kind, chunks = await _opened(call, headers)
    if name is None and named is not None:
        name = jsonguard.check_name(named, "name")
    media_type = _media_type(query.media_type, kind, name)
    stored = await call.runtime.files.put_stream(chunks, limit=limit, sha256=digest)
    asset = NewAsset(
        id=new_id(),
        name=name or f"file{mimetypes.guess_extension(media_type) or ''}",
        byte_size=stored.byte_size,
        sha256=stored.sha256,
        storage_key=stored.key,
        role=query.role,
        media_type=media_type,
    )
    actor = call.principal.actor
    kept = await call.write(assets.upload(call.workspace, asset, actor, job_id=query.job_id, task_id=query.task_id))
    place = f"{call.request.scope.get('root_path', '')}/api/v1/assets/{kept.id}"
    return Reply(_view(kept), headers={"Location": place})


async def _opened(call: Call, headers: Digests) -> tuple[str | None, str | None, AsyncIterator[bytes]]:
    """The file's name and media type as the body has them, and its bytes."""
    boundary = uploads.boundary_of(call.request)
    arriving = uploads.arriving(call.request)
    if boundary is None:
        return None, call.request.headers.get("content-type"), arriving
    if headers.content_digest is not None:
        wrong = "speaks of the whole form; send X-Content-SHA256 for the file in it"
        raise Invalid(f"Content-Digest {wrong}", fields={"Content-Digest": wrong})
    form = uploads.Form(arriving, boundary)
    name, kind = await form.begin()
    return name, kind, form.content()


def _media_type(asked: str | None, said: str | None, name: str | None) -> str:
    """The media type that counts: what is asked for, else what the body says, else what the name suggests."""
    plain = (said or "").partition(";")[0].strip().lower()
    try:
        given = msgspec.convert(asked or plain, MediaType).lower()
    except msgspec.ValidationError:
        given = sniff.OCTETS
    if given not in _NO_TYPES or asked is not None:
        return given
    return mimetypes.guess_type(name or "")[0] or sniff.OCTETS


async def list_assets(call: Call, query: AssetsQuery) -> Page[AssetView]:
    """List files, newest first.

    A page may hold fewer than `limit`, even none, and still have a `next_cursor`: then the search goes on there.
    """
    wanted = Wanted(job_id=query.job_id, task_id=query.task_id, name=query.name, role=query.role)
    return await _page(call, wanted, query.limit, query.cursor)


async def list_job_assets(call: Call, job_id: UUID, query: PageQuery) -> Page[AssetView]:
    """List the files of a job, newest first."""
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    return await _page(call, Wanted(job_id=job_id), query.limit, query.cursor)


async def get_asset(call: Call, asset_id: UUID) -> AssetView:
    """One file, without its bytes."""
    return _view(await _found(call, asset_id))


async def get_asset_content(call: Call, asset_id: UUID, headers: Conditions) -> Response:
    """The bytes of a file.

    Pictures, films and plain text come as what they are where their first bytes agree with their media type; all else
    comes as bytes to be saved. Several ranges are answered as `multipart/byteranges`.
    """
    asset = await _found(call, asset_id)
    missing = f"the bytes of asset {asset_id} are not on this server"
    try:
        path = call.runtime.files.path(asset.storage_key)
        file = File(
            path=path,
            name=asset.name,
            media_type=asset.media_type,
            byte_size=asset.byte_size,
            sha256=asset.sha256,
        )
        asked = Asked(range=headers.range, if_range=headers.if_range, if_none_match=headers.if_none_match)
        return await files.response(call.request, file, asked)
    except (NotFound, FileNotFoundError) as error:
        log.warning("%s: %s", missing, error)
        raise NotFound(missing) from error


async def remove_asset(call: Call, asset_id: UUID) -> None:
    """Remove a file that no job holds. Those of jobs go with their jobs."""
    await call.write(assets.remove(call.workspace, asset_id, call.principal.actor))


async def _found(call: Call, asset_id: UUID) -> Asset:
    return await call.found(assets.get(call.workspace, asset_id), f"asset {asset_id}")


async def _page(call: Call, wanted: Wanted, limit: int, cursor: str | None) -> Page[AssetView]:
    before = cursors.place(cursor, "assets", UUID)
    page = await call.read(assets.page(call.workspace, wanted, before=before, limit=limit))
    after = None if page.next_before is None else cursors.cursor("assets", page.next_before)
    return Page([_view(asset) for asset in page.assets], after)


def _view(asset: Asset) -> AssetView:
    return msgspec.convert(asset, AssetView, from_attributes=True)
