"""The mathematics of the trail: an event's canonical bytes, the chain of a job, the Merkle tree and the seal over many.

Written against the database's own `jobtrail.link`, so that neither can lie alone. No I/O, no clock, no keys of its own.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

RECORD_BYTES: Final = 60
_TXID_BYTES: Final = 8
_LEAF, _NODE, _PARTS = b"\x00", b"\x01", b"\x02"


class Link(NamedTuple):
    """One event as it is stored. Ids are text; `at` is what PostgreSQL sends: microseconds since 2000 in 8 bytes."""

    workspace_id: str
    job_id: str
    seq: int
    at: bytes
    type: str
    status: str
    attempt_id: str | None
    step_id: str | None
    actor_type: str
    actor_id: str | None
    payload: str | None
    hash: bytes
    txid: int


@dataclass(frozen=True, slots=True)
class Part:
    """The events of a seal that lie in one day's partition (`20260131`, or `rest`): how many, under which root."""

    name: str
    events: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed Merkle root over the events of a workspace whose transaction lies in (after_txid, up_to_txid].

    Times are ISO 8601 in UTC without a zone, as text: what is signed is never rounded or read anew.
    """

    workspace_id: UUID
    number: int
    after_txid: int
    up_to_txid: int
    first_at: str
    last_at: str
    events: int
    parts: tuple[Part, ...]
    root: bytes
    previous: bytes
    sealed_at: str
    signature: bytes = b""


def canonical(event: Link) -> bytes:
    """The bytes of an event that its hash vouches for, as `jobtrail.link` writes them."""
    actor = event.actor_id
    fields = (
        event.workspace_id,
        event.job_id,
        str(event.seq),
        event.type,
        event.status,
        event.attempt_id or "",
        event.step_id or "",
        event.actor_type,
        "-1" if actor is None else str(len(actor.encode())),
        actor or "",
        event.payload or "",
    )
    return event.at + "|".join(fields).encode()


def link(previous: bytes, event: Link) -> bytes:
    """The hash that an event must have after one with the hash `previous` (empty before the first)."""
    return sha256(previous + canonical(event)).digest()


def record(txid: int, job_id: UUID, seq: int, hash: bytes) -> bytes:
    """What a leaf of the tree holds of an event; records sort as (txid, job, seq), the order of a workspace."""
    sized = hash if len(hash) == 32 else sha256(hash).digest()
    return txid.to_bytes(_TXID_BYTES, "big", signed=True) + job_id.bytes + seq.to_bytes(4, "big", signed=True) + sized


def parted(record: bytes) -> tuple[int, UUID, int, bytes]:
    """Transaction, job, seq and hash of a record."""
    txid, seq = int.from_bytes(record[:8], "big", signed=True), int.from_bytes(record[24:28], "big", signed=True)
    return txid, UUID(bytes=record[8:24]), seq, record[28:]


def records(joined: bytes) -> list[bytes]:
    """Records that were read end to end, in the order of the tree."""
    return sorted(joined[i : i + RECORD_BYTES] for i in range(0, len(joined), RECORD_BYTES))


def after(txid: int) -> bytes:
    """Sorts behind every record of a transaction and before those of later ones."""
    return txid.to_bytes(_TXID_BYTES, "big", signed=True) + b"\xff" * RECORD_BYTES


def leaf(record: bytes) -> bytes:
    """A leaf of the tree; marked, so that no leaf can pass for a node."""
    return sha256(_LEAF + record).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root of leaves in order (the tree of RFC 6962); what stands alone in its row goes up as it is."""
    row = list(leaves)
    while len(row) > 1:
        row = _above(row)
    return row[0] if row else sha256().digest()


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What must be known beside one leaf to get to the root: its siblings, from the bottom up."""
    row, siblings = list(leaves), []
    while len(row) > 1:
        if index ^ 1 < len(row):
            siblings.append(row[index ^ 1])
        row, index = _above(row), index // 2
    return siblings


def climb(leaf: bytes, index: int, size: int, siblings: Iterable[bytes]) -> bytes | None:
    """The root that a leaf leads to by its path; None when the path does not fit a tree of that size."""
    rest, node = iter(siblings), leaf
    if not 0 <= index < size:
        return None
    while size > 1:
        if index ^ 1 < size:
            sibling = next(rest, None)
            if sibling is None:
                return None
            node = sha256(_NODE + sibling + node if index % 2 else _NODE + node + sibling).digest()
        index, size = index // 2, (size + 1) // 2
    return node if next(rest, None) is None else None


def root_of_parts(parts: Sequence[Part]) -> bytes:
    """The root over the roots of the parts."""
    said = [[part.name, part.events, part.root.hex()] for part in parts]
    return sha256(_PARTS + _plain(said)).digest()


def digest(seal: Seal) -> bytes:
    """What the next seal holds of this one: everything but the signature."""
    return sha256(_body(seal)).digest()


def signed(seal: Seal, key: bytes) -> Seal:
    """The seal with its signature (HMAC-SHA256)."""
    return replace(seal, signature=hmac.digest(key, _body(seal), "sha256"))


def is_signed(seal: Seal, keys: Iterable[bytes]) -> bool:
    """Tells whether one of the keys signed the seal as it stands."""
    body = _body(seal)
    return any(hmac.compare_digest(hmac.digest(key, body, "sha256"), seal.signature) for key in keys)


def seal_to_json(seal: Seal) -> dict[str, Any]:
    """A seal for a line of a file."""
    return {
        "workspace_id": str(seal.workspace_id),
        "number": seal.number,
        "after_txid": seal.after_txid,
        "up_to_txid": seal.up_to_txid,
        "first_at": seal.first_at,
        "last_at": seal.last_at,
        "events": seal.events,
        "parts": [parts_to_json(part) for part in seal.parts],
        "root": seal.root.hex(),
        "previous": seal.previous.hex(),
        "sealed_at": seal.sealed_at,
        "signature": seal.signature.hex(),
    }


def seal_from_json(said: dict[str, Any]) -> Seal:
    """The seal of such a line; raises KeyError, TypeError or ValueError when it is none."""
    return Seal(
        UUID(said["workspace_id"]),
        int(said["number"]),
        int(said["after_txid"]),
        int(said["up_to_txid"]),
        str(said["first_at"]),
        str(said["last_at"]),
        int(said["events"]),
        parts_from_json(said["parts"]),
        bytes.fromhex(said["root"]),
        bytes.fromhex(said["previous"]),
        str(said["sealed_at"]),
        bytes.fromhex(said["signature"]),
    )


def seal_of(row: Sequence[Any]) -> Seal:
    """The seal of a row whose columns stand in the order of the fields. Parts that nobody can read are none."""
    try:
        parts = parts_from_json(row[7])
    except (KeyError, TypeError, ValueError):
        parts = ()
    return Seal(*[*row[:7], parts, *row[8:]])


def parts_to_json(part: Part) -> dict[str, Any]:
    """A part as the table of seals holds it."""
    return {"name": part.name, "events": part.events, "root": part.root.hex()}


def parts_from_json(said: Any) -> tuple[Part, ...]:
    """The parts of a seal; raises KeyError, TypeError or ValueError when they are none, or are written otherwise."""
    parts = tuple(Part(part["name"], part["events"], bytes.fromhex(part["root"])) for part in said)
    if [parts_to_json(part) for part in parts] != said:
        raise ValueError("these are no parts of a seal")
    return parts


def _above(row: list[bytes]) -> list[bytes]:
    above = [sha256(_NODE + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
    if len(row) % 2:
        above.append(row[-1])
    return above


def _body(seal: Seal) -> bytes:
    said = seal_to_json(replace(seal, signature=b""))
    return _plain(["jobtrail seal 1", *(said[key] for key in sorted(said))])


def _plain(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()
