"""Reads the settings of this process: `jobtrail.toml` or `[tool.jobtrail]`, then the environment, then flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobtrail.core import config
from jobtrail.core.config import Config
from jobtrail.core.errors import Invalid, Misconfigured, NoEmbeddedPostgres
from jobtrail.store import embedded


def load(flags: Mapping[str, Any] | None = None, *, folder: Path | None = None) -> Config:
    """The settings, later sources winning. Raises Invalid that names every wrong one."""
    return config.resolve(_file(folder or Path.cwd()), config.from_env(os.environ), dict(flags or {}))


def running_database(settings: Config) -> str:
    """The URL to work with: the configured one, or that of the embedded server that runs in `home`.

    Raises Misconfigured when there is neither.
    """
    if settings.database_url:
        return settings.database_url
    try:
        server = embedded.status(settings.home)
    except NoEmbeddedPostgres:
        server = None
    if server is None:
        raise Misconfigured(
            "no database: set JOBTRAIL_DATABASE_URL, or start the embedded one here with `jobtrail dev` "
            "or `jobtrail db up --keep`."
        )
    return server.app_url


def _file(folder: Path) -> dict[str, object]:
    for path, table in ((folder / "jobtrail.toml", ()), (folder / "pyproject.toml", ("tool", "jobtrail"))):
        if not path.is_file():
            continue
        try:
            content: Any = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{path} is not readable as TOML: {error}") from error
        for key in table:
            content = content.get(key, {}) if isinstance(content, dict) else {}
        if content:
            return config.from_toml(content)
    return {}
