"""The cursor of a workspace's stream: a place in the order of all transactions, as opaque text that fits an HTTP header."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.service.streams import Place, Standing

NOWHERE: Final = UUID(int=0)
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LAYOUT: Final = struct.Struct(">4sQ16sII")
_DAY: Final = timedelta(days=1)
_MOST_TXID: Final = (1 << 63) - 1
_MOST_SEQ: Final = (1 << 31) - 1


class Cursor(NamedTuple):
    """A reader saw everything up to `place`. All transactions from there on began after `since`."""

    epoch: str
    place: Place
    since: datetime

    def text(self) -> str:
        """48 characters of the URL-safe alphabet."""
        (txid, job_id, seq), since = self.place, int(self.since.timestamp())
        packed = _LAYOUT.pack(bytes.fromhex(self.epoch), txid, job_id.bytes, seq, max(since, 0))
        return base64.urlsafe_b64encode(packed).decode()


def read_cursor(text: str) -> Cursor | None:
    """The cursor of a text, None for what is none."""
    try:
        packed = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
        epoch, txid, job_id, seq, since = _LAYOUT.unpack(packed)
    except (binascii.Error, struct.error, ValueError):
        return None
    if txid > _MOST_TXID or seq > _MOST_SEQ:
        return None
    return Cursor(epoch.hex(), (txid, UUID(bytes=job_id), seq), LONG_AGO + timedelta(seconds=since))


def beginning(standing: Standing) -> Place:
    """The place before everything that has not ended yet."""
    return standing.horizon, NOWHERE, 0


class Since:
    """Since when all transactions from a mark on have begun: what the reader may leave aside as older.

    A snapshot says which transactions have not begun at its time; when the mark has reached them, that time holds.
    """

    def __init__(self) -> None:
        self.at = LONG_AGO
        self._pending: tuple[int, datetime] | None = None

    def see(self, mark: int, standing: Standing) -> None:
        """Learns from a snapshot; `mark` is the first transaction that is still to be read."""
        if self._pending is not None and mark >= self._pending[0]:
            self.at, self._pending = max(self.at, self._pending[1]), None
        if self._pending is None:
            self._pending = (standing.next_txid, standing.now)


def since_of(at: datetime, known: datetime) -> datetime:
    """For a cursor at an event of this time: no transaction is taken to last longer than a day."""
    return max(known, at - _DAY)


def not_older(since: datetime) -> datetime:
    """What may be left aside: an event takes its time shortly before its transaction begins, so a day is added."""
    return max(since - _DAY, LONG_AGO)
