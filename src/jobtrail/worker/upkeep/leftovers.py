"""Removes what lies in the storage and nobody needs: bytes without an asset, and halves of files that a crash left."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from jobtrail.service import assets
from jobtrail.store.files.local import LocalFiles
from jobtrail.worker.link import Link

log = logging.getLogger("jobtrail.upkeep")

AGE: Final = timedelta(days=1)
"""Younger files are left alone: the row of an upload comes after its bytes."""

_BATCH: Final = 1_000


async def remove(link: Link, folder: Path) -> int:
    """Removes what no asset of any workspace refers to and is older than `AGE`; answers how many files.

    Does nothing in a folder in which another database keeps files too: nobody knows here which of them it needs.
    """
    try:
        removed = await _remove(link, folder) if await asyncio.to_thread(folder.is_dir) else 0
    except OSError as error:
        log.warning("upkeep could not look for files that nobody needs in %s: %s", folder, error)
        return 0
    if removed:
        log.info("removed %d files that nobody needs from %s", removed, folder)
    return removed


async def _remove(link: Link, folder: Path) -> int:
    files, before = LocalFiles(folder), time.time() - AGE.total_seconds()
    me = await link.once(assets.installation())
    owners = await asyncio.to_thread(files.owners, me)
    if owners != {me}:
        log.warning(
            "%s holds files of %d databases, so that none is ever removed; give each database a folder of its own, "
            "or remove the marks of those that are gone from %s",
            folder,
            len(owners),
            folder / "owners",
        )
        return 0
    removed = await asyncio.to_thread(files.tidy, before)
    old = files.old(before)
    while keys := await asyncio.to_thread(lambda: list(islice(old, _BATCH))):
        needed = await link.once(assets.needed(keys))
        for key in keys:
            if key not in needed:
                removed += await asyncio.to_thread(files.remove_old, key, before)
    return removed
