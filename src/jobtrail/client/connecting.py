"""Which client an address wants: the database's or the server's. What is not needed is not imported."""

from __future__ import annotations

from typing import Final

from jobtrail.client.database import Client
from jobtrail.client.verbs import JobsClient
from jobtrail.core.errors import Invalid

_WEB: Final = ("http://", "https://")


def connect(url: str, key: str | None = None) -> JobsClient:
    """A client of a Jobtrail server (`https://jobs.example.org`, with an API key) or of its database itself.

    Nothing is sent before the first verb. Raises Invalid for what is no URL, or a key where none is wanted.

    >>> connect("https://jobs.example.org", key="jt_…")  # doctest: +SKIP
    """
    if not is_server(url):
        if key is not None:
            raise Invalid("a key opens a server (https://…); a database has its password in its URL")
        return Client(url)
    from jobtrail.client.remote import RemoteClient  # noqa: PLC0415  (who has a database need not wait for an HTTP client)

    return RemoteClient(url, key)


def is_server(url: str) -> bool:
    """Whether an address is that of a server, not of a database."""
    return url.lower().startswith(_WEB)
