"""Seals what is new in the trail, and anchors the seals outside the database after they are committed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from jobtrail.core.chain import Seal
from jobtrail.service import seals
from jobtrail.store.anchor import Anchor
from jobtrail.worker.link import Link


class Sealer:
    """Seals with one key. Without an anchor file the seals stand in the database only."""

    def __init__(self, link: Link, key: bytes, anchor_file: Path | None) -> None:
        self._link, self._key, self._file = link, key, anchor_file
        self._anchor: Anchor | None = None

    async def seal(self) -> None:
        """Seals up to now."""
        while True:
            done = await self._link.once(seals.seal(self._key))
            if done.seals and self._file is not None:
                if self._anchor is None:
                    self._anchor = await asyncio.to_thread(Anchor, self._file)
                await self._keep(self._anchor, done.seals)
            if not done.behind:
                return

    async def _keep(self, anchor: Anchor, made: Sequence[Seal]) -> None:
        """Anchors these seals and whatever lacks before them."""
        while lacking := await asyncio.to_thread(anchor.lacking, made):
            missing: list[Seal] = []
            for workspace, number in lacking.items():
                missing += await self._after(workspace, number)
            if not missing:
                break
            await asyncio.to_thread(anchor.append, missing)
        await asyncio.to_thread(anchor.append, made)

    async def _after(self, workspace: UUID, number: int) -> list[Seal]:
        found: list[Seal] = await self._link.once(seals.after(workspace, number))
        return found
