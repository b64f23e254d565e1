"""`jobtrail serve`: the HTTP service, in the foreground."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from jobtrail.cli import apps, exits, loggers, place
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Switch
from jobtrail.cli.telling import with_fix
from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.web.runtime import Service
from jobtrail.web.server import Server, address_of, is_only_for_here, listen

log = logging.getLogger("jobtrail.web")


def serve(
    app: Annotated[str | None, Plain] = None,
    /,
    *,
    host: str | None = None,
    port: int | None = None,
    path_prefix: str | None = None,
    no_login: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """The HTTP API. SIGTERM or Ctrl-C lets requests end and tells streams to come again.

    Whoever comes needs a key: `jobtrail key create`. It needs JOBTRAIL_DATABASE_URL, or an embedded database that
    `jobtrail dev` or `jobtrail db up --keep` runs in this folder.

    Parameters
    ----------
    app
        The app, as module:attribute or app.py, whose types give enqueues their defaults.
    host
        The address to listen on (default 127.0.0.1).
    port
        The port to listen on (default 8787; 0: any free one).
    path_prefix
        The path under which a proxy shows it, such as /jobs.
    no_login
        Let in whoever is on this machine without a key; only with an address that nobody else can reach.
    """
    config = place.configured(flags, {"host": host, "port": port, "path_prefix": path_prefix, "app": None})
    if no_login and not is_only_for_here(config):
        raise with_fix(
            Misconfigured(f"--no-login would let everybody in who can reach {config.host}"),
            "leave out --no-login and make keys: jobtrail key create",
            "or listen on 127.0.0.1 only",
        )
    loggers.listen(config.log_format)
    project = apps.project(config, app)
    with place.opened(config) as here:
        types = project.app.defaults if project.app else {}
        server = Server(Service(url=here.url, config=config, types=types, local=no_login))
        with listen(config) as listening:
            log.info("%s on %s", here.name, address_of(listening, config))
            asyncio.run(server.serve([listening]))
        if not server.started:
            raise Unavailable("the service did not start; the lines above say why")
    return exits.OK
