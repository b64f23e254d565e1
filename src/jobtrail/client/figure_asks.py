"""Figures as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.core import jsonguard
from jobtrail.core.figures import ErrorGroups


def errors(since: datetime | None) -> Ask[ErrorGroups]:
    """What failed, in groups that failed alike."""
    return _get("/errors", since)


def error(fingerprint: str, since: datetime | None) -> Ask[ErrorGroups]:
    """One of the groups. Raises NotFound."""
    return _get(f"/errors/{quote(jsonguard.check_name(fingerprint, 'a fingerprint'), safe='')}", since)


def _get(path: str, since: datetime | None) -> Ask[ErrorGroups]:
    query = {} if since is None else {"since": since.isoformat()}
    return Ask(method="GET", path=path, read=_read, query=query, again=True)


def _read(body: bytes) -> ErrorGroups:
    return msgspec.json.decode(body, type=ErrorGroups)
