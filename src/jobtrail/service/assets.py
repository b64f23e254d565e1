"""Verbs on assets: keep a stored file as an asset of a job, list them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from jobtrail.core.fence import Fence
from jobtrail.core.model import Asset
from jobtrail.store import query
from jobtrail.store.query import Query


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


def listed(workspace: UUID, job_id: UUID) -> Query[list[Asset]]:
    """The assets of a job in the order of their making."""
    return Query("reads/assets", (workspace, job_id), query.many_of(Asset))
