"""Files that nobody needs go; those that any workspace needs stay, and so does all that might be another's."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from uuid import UUID

import pytest
from database import Connection, Database
from scene import Scene, ids

from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType
from jobtrail.service import assets, workspaces
from jobtrail.service.assets import NewAsset
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.pool import Dial
from jobtrail.worker.link import Link
from jobtrail.worker.upkeep import leftovers

ME = Actor(ActorType.USER, "me")


def sweep(database: Database, folder: Path) -> int:
    """What the duty does, on a connection as a worker has it."""

    async def once() -> int:
        link = Link(Dial(url=database.app_url))
        try:
            return await leftovers.remove(link, folder)
        finally:
            await link.close()

    return asyncio.run(once())


def put(scene: Scene, files: LocalFiles, content: bytes, workspace: UUID | None = None, *, days: float = 2) -> str:
    """Bytes of some age, as an asset of a workspace, or of none."""
    stored = files.put_bytes(content, limit=99)
    os.utime(files.path(stored.key), (time.time() - days * 86_400,) * 2)
    if workspace is not None:
        new = NewAsset(id=ids.new(), name="a", byte_size=stored.byte_size, sha256=stored.sha256, storage_key=stored.key)
        scene.do(assets.upload(workspace, new, ME))
    return stored.key


def test_what_nobody_needs_is_removed_when_it_is_old(database: Database, scene: Scene, tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "assets")
    assert sweep(database, tmp_path / "assets") == 0 and not (tmp_path / "assets").exists()
    other = scene.do(workspaces.create(ids.new(), "other", ME)).id
    stay = {
        put(scene, files, b"ours", scene.workspace), put(scene, files, b"theirs", other),
        put(scene, files, b"young", days=0.9),
    }  # fmt: skip
    gone = {put(scene, files, b"alone"), put(scene, files, b"forgotten", scene.workspace)}
    (row,) = scene.do(assets.page(scene.workspace, assets.Wanted(), limit=1)).assets
    scene.do(assets.remove(scene.workspace, row.id, ME))
    half = tmp_path / "assets" / "incoming" / "half"
    half.touch()
    os.utime(half, (0, 0))
    assert sweep(database, tmp_path / "assets") == len(gone) + 1
    assert set(files.old(time.time() + 1)) == stay and not half.exists()
    assert sweep(database, tmp_path / "assets") == 0


def test_many_are_removed_in_batches(
    database: Database, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_BATCH", 3)
    files = LocalFiles(tmp_path)
    keys = [put(scene, files, b"%d" % n, scene.workspace if n % 2 else None) for n in range(11)]
    assert sweep(database, tmp_path) == 6
    assert set(files.old(time.time() + 1)) == set(keys[1::2])


def test_where_another_database_keeps_files_too_nothing_is_removed(
    database: Database, scene: Scene, owner: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = LocalFiles(tmp_path)
    put(scene, files, b"alone")
    files.owners("another database")
    assert sweep(database, tmp_path) == 0
    assert "2 databases" in caplog.text
    assert len(list(files.old(time.time() + 1))) == 1
