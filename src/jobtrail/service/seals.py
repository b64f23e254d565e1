"""Verbs on seals: seal the new end of the trail, read what was sealed. The key comes from the caller."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core import audit, chain
from jobtrail.core.chain import Seal
from jobtrail.core.errors import Misconfigured
from jobtrail.store import query
from jobtrail.store.query import Query, Row, Steps, ask, atomic

BATCH: Final = 10_000
_STRIDE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """The seals that were made, and how many transactions still wait to be looked at: if any, seal again at once."""

    seals: list[Seal]
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Unsealed:
    """New events of a workspace: its records by day, in order, and the times of the first and the last of them."""

    there: dict[str, list[bytes]]
    first_at: str
    last_at: str


@atomic
def seal(key: bytes, *, batch: int = BATCH) -> Steps[Sealed]:
    """Seals what is new in all workspaces, up to `batch` events; a seal for each workspace that has any.

    Takes only transactions that have ended together with all before them, so a seal never misses one that commits
    late. A transaction is never divided: one that is larger than the batch is a batch by itself, and needs about
    200 bytes of memory an event. Reads nothing but the new end, and writes nothing when there is none. Two sealers at
    once are harmless: the second does nothing. The connection must serve all workspaces.
    """
    if not (yield from ask(Query("verbs/seal_alone", (), query.scalar))):
        return Sealed([])
    mark, settled, now, serves_all = yield from ask(Query("reads/seal_from", (), lambda rows: rows[0]))
    if not serves_all:
        raise Misconfigured("the sealer must see all workspaces; run it with the scope of a worker")
    if mark is None:
        raise Misconfigured("the row of jobtrail.sealer is gone; run `jobtrail audit verify`, then insert it again")
    if settled < mark:
        raise Misconfigured(
            f"this server counts transactions from {settled}, the trail stands at {mark}: the tables come from a dump; "
            "stop everything that works on them and run `jobtrail db up`"
        )
    after, up_to = yield from _next(mark, settled, batch)
    seals: list[Seal] = []
    if after < up_to:
        found = yield from ask(Query("reads/seal_leaves", (after, up_to), _unsealed))
        seals = yield from _append(found, up_to, now, key)
    if seals or up_to - mark >= _STRIDE:
        yield Query("verbs/seal_move", (up_to,), query.nothing)
    return Sealed(seals, settled - up_to)


def after(workspace: UUID, number: int = 0, limit: int = 1_000) -> Query[list[Seal]]:
    """Seals of a workspace after a number, in order."""
    return Query("reads/seals", (workspace, number, limit), _seals)


def in_order(low: UUID, high: UUID, up_to_txid: int, workspace: UUID, limit: int) -> Query[list[Seal]]:
    """Seals of the workspaces from `low` to `high`, in the order of their last transaction."""
    return Query("reads/seals_in_order", (low, high, up_to_txid, workspace, limit), _seals)


def numbered(wanted: Sequence[tuple[UUID, int]]) -> Query[dict[tuple[UUID, int], Seal]]:
    """These seals, those of them that there are."""
    params = ([workspace for workspace, _ in wanted], [number for _, number in wanted])
    return Query("reads/seals_by_number", params, lambda rows: {(row[0], row[1]): chain.seal_of(row) for row in rows})


def _next(mark: int, settled: int, batch: int) -> Steps[tuple[int, int]]:
    """The next range of transactions that has events, or that has none up to the end."""
    start, stride = mark, _STRIDE
    while start < settled:
        end = min(settled, start + stride)
        cut, more = yield from ask(Query("reads/seal_cut", (start, end, batch), _cut))
        if cut is not None:
            return start, cut if more else end
        start, stride = end, stride * 2
    return settled, settled


def _append(found: dict[UUID, Unsealed], up_to: int, now: str, key: bytes) -> Steps[list[Seal]]:
    if not found:
        return []
    last = yield from ask(Query("reads/last_seals", (list(found),), _seals))
    before = {seal.workspace_id: seal for seal in last}
    seals = []
    for workspace, new in sorted(found.items()):
        previous = before.get(workspace)
        there = new.there if previous is None else _not_yet(new.there, previous.up_to_txid)
        if there:
            times = (new.first_at, new.last_at, now)
            seals.append(chain.signed(audit.sealed(previous, workspace, up_to, there, times), key))
    if seals:
        rows = msgspec.json.encode([chain.seal_to_json(seal) for seal in seals]).decode()
        yield Query("verbs/seal", (rows,), query.nothing)
    return seals


def _not_yet(there: dict[str, list[bytes]], up_to: int) -> dict[str, list[bytes]]:
    """What lies after the last seal; more only when the sealer's mark was set back."""
    new = {part: records[bisect_right(records, chain.after(up_to)) :] for part, records in there.items()}
    return {part: records for part, records in new.items() if records}


def _unsealed(rows: list[Row]) -> dict[UUID, Unsealed]:
    found: dict[UUID, Unsealed] = {}
    for workspace, part, first_at, last_at, joined in rows:
        known = found.get(workspace)
        there = {} if known is None else known.there
        there[part] = chain.records(joined)
        firsts = (first_at,) if known is None else (first_at, known.first_at)
        lasts = (last_at,) if known is None else (last_at, known.last_at)
        found[workspace] = Unsealed(there, min(firsts), max(lasts))
    return found


def _cut(rows: list[Row]) -> tuple[int | None, int]:
    return rows[0][0], rows[0][1]


def _seals(rows: list[Row]) -> list[Seal]:
    return [chain.seal_of(row) for row in rows]
