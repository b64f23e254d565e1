"""Verbs on assets: keep a stored file as an asset of a job or of the workspace, list them, remove one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jobtrail.core.asking import AssetOrigin
from jobtrail.core.errors import Conflict, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.filter import pattern
from jobtrail.core.model import Actor, Asset
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

LOOKED_THROUGH: Final = 10_000
"""So many assets a page looks through for what no index knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """A file that lies in the storage, complete and under its digest."""

    id: UUID
    name: str
    byte_size: int
    sha256: str
    storage_key: str
    role: str = "output"
    media_type: str = "application/octet-stream"
    step_id: UUID | None = None


def keep(fence: Fence, asset: NewAsset) -> Query[int | None]:
    """Makes a stored file an asset; answers the job's version, None when the attempt is stale."""
    params = (
        *fence.named,
        asset.id,
        asset.step_id,
        asset.name,
        asset.role,
        asset.media_type,
        asset.byte_size,
        asset.sha256,
        asset.storage_key,
        str(fence.worker_id),
    )
    return Query("verbs/keep_asset", params, query.scalar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which assets to list; None: whichever. `text` is a part of the name, without regard to case; of `media` one fits
    the media type, as `image/%` does."""

    job_id: UUID | None = None
    task_id: UUID | None = None
    name: str | None = None
    role: str | None = None
    text: str | None = None
    media: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        """Where the statement looks for them: in the shortest list of which there is an index."""
        places = (("JOB", self.job_id), ("NAME", self.name), ("TASK", self.task_id))
        return next((place for place, value in places if value is not None), "ANY")


@dataclass(frozen=True, slots=True)
class Page:
    """Some assets, newest first. `next_before` is the cursor of the next page, None when there is none; a page may hold
    less than was asked for, or nothing, and have a next one."""

    assets: list[Asset]
    next_before: UUID | None


@flow
def upload(
    workspace: UUID, asset: NewAsset, actor: Actor, *, job_id: UUID | None = None, task_id: UUID | None = None
) -> Steps[Asset]:
    """Makes a stored file an asset of the workspace, or of a job that has not ended, whose trail tells of it.

    Raises NotFound without the job or task, Conflict for a job that has ended.
    """
    params = (
        workspace,
        asset.id,
        job_id,
        task_id,
        asset.name,
        asset.role,
        asset.media_type,
        asset.byte_size,
        asset.sha256,
        asset.storage_key,
        actor.type,
        actor.id,
    )
    kept = yield from ask(Query("verbs/upload_asset", params, query.one_of(Asset)))
    if kept is None:
        yield from _check_home(workspace, job_id, task_id)
        raise Conflict(f"job {job_id} changed while its file was kept; send the file again")
    return kept


@flow
def check_home(workspace: UUID, *, job_id: UUID | None = None, task_id: UUID | None = None) -> Steps[None]:
    """Looks before an upload whether it will be taken. Raises as `upload` does."""
    yield from _check_home(workspace, job_id, task_id)


def _check_home(workspace: UUID, job_id: UUID | None, task_id: UUID | None) -> Steps[None]:
    found = yield from ask(Query("reads/asset_home", (workspace, job_id, task_id), query.one))
    status, has_task = found or (None, False)
    if job_id is not None and status is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    if task_id is not None and not has_task:
        raise NotFound(f"there is no task {task_id} in this workspace")
    if job_id is not None and JobStatus(status) in FINAL:
        raise Conflict(f"job {job_id} is {status} and takes no more files; upload without a job")


def get(workspace: UUID, asset_id: UUID) -> Query[Asset | None]:
    """One asset."""
    return Query("reads/asset", (workspace, asset_id), query.one_of(Asset))


def page(workspace: UUID, wanted: Wanted, *, before: UUID | None = None, limit: int = 50) -> Query[Page]:
    """A page of assets, newest first; `before` is `next_before` of the page before."""
    params = (
        workspace,
        before,
        wanted.place,
        wanted.job_id,
        wanted.task_id,
        wanted.name,
        wanted.role,
        LOOKED_THROUGH,
        limit + 1,
        None if wanted.text is None else pattern(wanted.text),
        None if wanted.media is None else list(wanted.media),
    )
    return Query("reads/asset_page", params, lambda rows: _page(rows, limit))


def _page(rows: list[query.Row], limit: int) -> Page:
    found = [Asset(*row[:-2]) for row in rows if row[-2]]
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].id)
    return Page(found, rows[-1][0] if rows and rows[-1][-1] else None)


@flow
def remove(workspace: UUID, asset_id: UUID, actor: Actor) -> Steps[None]:
    """Removes an asset that no job holds, and records it; its bytes go later, when nobody needs them.

    Raises NotFound, Conflict for a file of a job: that goes with its job.
    """
    params = (workspace, asset_id, actor.type, actor.id)
    if (yield from ask(Query("verbs/remove_asset", params, query.scalar))) is not None:
        return
    asset = yield from ask(get(workspace, asset_id))
    if asset is None:
        raise NotFound(f"there is no asset {asset_id} in this workspace")
    raise Conflict(f"asset {asset_id} belongs to job {asset.job_id} and its trail; it goes when the job goes")


def needed(digests: Collection[str]) -> Query[frozenset[str]]:
    """Those of these SHA-256 digests to which an asset refers. Needs a scope that sees all."""
    return Query("reads/needed_files", (list(digests),), lambda rows: frozenset(row[0] for row in rows))


def installation() -> Query[str]:
    """What tells this database's files from those of another. Needs a scope that sees all."""
    return Query("reads/first_workspace", (), query.scalar)


def listed(workspace: UUID, job_id: UUID) -> Query[list[Asset]]:
    """The assets of a job in the order of their making."""
    return Query("reads/assets", (workspace, job_id), query.many_of(Asset))


def newest_of(workspace: UUID, job_ids: Sequence[UUID], each: int) -> Query[list[Asset]]:
    """The newest assets of some jobs, at most `each` of one job."""
    return Query("reads/newest_assets", (workspace, list(job_ids), each), query.many_of(Asset))


def origins(workspace: UUID, asset_ids: Sequence[UUID]) -> Query[list[AssetOrigin]]:
    """What made these assets; nothing is said of those that belong to no job."""
    return Query("reads/asset_origins", (workspace, list(asset_ids)), query.many_of(AssetOrigin))
