"""A real server for tests: the service on a free port of this machine, in a thread, on the test's own database."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from database import Database

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import api_keys
from jobtrail.core.config import Config
from jobtrail.core.model import Actor
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import ActorType
from jobtrail.service import keys, workspaces
from jobtrail.service.jobs import Options
from jobtrail.service.keys import NewKey
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id, new_secret
from jobtrail.web.killing import Killer
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server

ADMIN = Actor(ActorType.USER, "admin")
EVERYTHING = frozenset(ApiScope)


def mistyped(key: str) -> str:
    """A key with one wrong character. Not the last one: two of its bits mean nothing."""
    return key[:-2] + ("B" if key[-2] == "A" else "A") + key[-1]


@dataclass(slots=True)
class Served:
    """A server that runs, and what talks to it."""

    server: Server
    database: Database
    url: str
    clients: list[httpx2.Client] = field(default_factory=list)

    def key(self, *, workspace: UUID = DEFAULT_WORKSPACE, scopes: Iterable[ApiScope] = EVERYTHING,
            name: str = "test", user_id: UUID | None = None) -> str:  # fmt: skip
        """A new key of a workspace, as text."""
        key_id, secret = new_id(), new_secret()
        text = api_keys.make(key_id, secret)
        digest = api_keys.digest(api_keys.parse(text)[1])
        new = NewKey(id=key_id, name=name, secret_hash=digest, scopes=frozenset(scopes), user_id=user_id)
        with closing(self.database.connect()) as conn:
            run(conn, keys.create(workspace, new, ADMIN, EVERYTHING), Scope.of(ALL))
        return text

    def workspace(self, name: str) -> UUID:
        """A new workspace."""
        with closing(self.database.connect()) as conn:
            return run(conn, workspaces.create(new_id(), name, ADMIN), Scope.of(ALL)).id

    def client(self, key: str | None = None, **more: Any) -> httpx2.Client:
        """A client that sends a key: a new one that may do everything, if none is given ("": none at all)."""
        key = self.key() if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx2.Client(base_url=self.url, headers=headers, timeout=30, **more)
        self.clients.append(client)
        return client


@contextmanager
def served(
    database: Database, folder: Path, *, local: bool = False, types: dict[str, Options] | None = None,
    killer: Killer | None = None, **settings: Any,
) -> Iterator[Served]:  # fmt: skip
    """Serves for the length of a block. `settings` are those of `Config`."""
    chosen: dict[str, Any] = {"port": 0, "assets_dir": folder / "assets", "home": folder / "home", **settings}
    service = Service(url=database.app_url, config=Config(**chosen), types=types or {}, local=local, killer=killer)
    server = Server(service)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            if not thread.is_alive():
                raise RuntimeError("the server did not start; the log says why")
        port = server.servers[0].sockets[0].getsockname()[1]
        running = Served(server, database, f"http://127.0.0.1:{port}{chosen.get('path_prefix', '')}")
        try:
            yield running
        finally:
            for client in running.clients:
                client.close()
    finally:
        server.web.runtime.hang_up()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
