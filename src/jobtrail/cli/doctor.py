"""`jobtrail doctor`: everything that must be right here, from Python to the queues, in one report to copy."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from jobtrail import settings
from jobtrail.cli import apps, checks, place, words
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.client import asks
from jobtrail.client.remote import RemoteClient
from jobtrail.core.config import Config
from jobtrail.core.errors import JobtrailError
from jobtrail.service.health import Finding, Level
from jobtrail.store import binaries

_PATIENCE: Final = timedelta(seconds=2)


def doctor(*, flags: Flags = NO_FLAGS) -> int:
    """Check everything here: Python, settings, the embedded PostgreSQL, the app, the database, workers and queues.

    Exits with 9 when something is not fit to run.
    """
    return checks.tell(list(_findings(flags)), flags)


def _findings(flags: Flags) -> Iterator[Finding]:
    yield Finding(
        Level.OK, "python", f"jobtrail {version('jobtrail')}, Python {platform.python_version()}, {platform.platform()}"
    )
    try:
        config = settings.load(flags.settings())
    except JobtrailError as error:
        yield Finding(Level.BAD, "settings", error.message)
        return
    for line in config.notices:
        yield Finding(Level.WARN, "settings", line)
    yield from _programs(config)
    yield from _app(config)
    if config.server_url is not None:
        yield _server(config, config.server_url)
    try:
        if config.database_url:
            yield from checks.of_database(config, config.database_url)
            with place.opened(config) as here:
                yield from checks.of_work(here)
        elif place.has_embedded(config.home):
            with place.opened(config) as here:
                yield Finding(Level.OK, "database", here.name)
                yield from checks.of_database(config, here.url)
                yield from checks.of_work(here)
        elif config.server_url is None:
            yield Finding(Level.WARN, "database", f"there is none in {config.home} yet", "jobtrail dev")
    except JobtrailError as error:
        yield checks.unreachable(error)


def _server(config: Config, url: str) -> Finding:
    try:
        with RemoteClient(url, config.api_key, patience=_PATIENCE) as client:
            client.run(asks.admitted())
    except JobtrailError as error:
        return Finding(Level.BAD, "server", error.message, "see JOBTRAIL_SERVER_URL and JOBTRAIL_API_KEY")
    return Finding(Level.OK, "server", f"{url} answers, and lets this key in")


def _programs(config: Config) -> Iterator[Finding]:
    """Which PostgreSQL there is to bring; without one of the user's own, there must be one."""
    try:
        found = place.programs_of(config) or binaries.find()
    except JobtrailError as error:
        level = Level.OK if config.database_url else Level.BAD
        yield Finding(level, "embedded PostgreSQL", error.message)
        return
    yield Finding(Level.OK, "embedded PostgreSQL", f"{found.release} from {found.source} in {found.bin}")


def _app(config: Config) -> Iterator[Finding]:
    try:
        project = apps.project(config)
    except JobtrailError as error:
        yield Finding(Level.BAD, "app", error.message)
        return
    if project.app is None:
        there = ", ".join(project.installed) or "none"
        says = f"there is no app here; installed runners: {there}"
        yield Finding(Level.WARN, "app", says, "jobtrail init, or set JOBTRAIL_APP=module:attribute")
        return
    own = sorted(project.app.runners)
    where = getattr(sys.modules.get(str(project.spec).partition(":")[0]), "__file__", "")
    yield Finding(Level.OK, "app", f"{project.spec} ({where}) has {words.counted(len(own), 'type')}: {', '.join(own)}")
