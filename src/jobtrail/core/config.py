"""All settings in one frozen value, and the pure reading of them from tables, environment and flags. Nothing is opened here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.jsonguard import check_name

PREFIX = "JOBTRAIL_"
FOREVER = "forever"

Read = Callable[[object], Any]

_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}  # as in postgresql.conf
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([kmgt]?i?b|)", re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]{1,18}")
_PLAIN = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_APP = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_DATABASE = re.compile(r"postgres(ql)?://\S+|[a-z_]+ ?=.+")
_PREFIXED = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_SERVER = re.compile(r"https?://[^\s/]+\S*")
_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting. The environment twin of a field is its name in capitals after `JOBTRAIL_`."""

    database_url: str | None = field(default=None, repr=False)
    home: Path = Path(".jobtrail")
    workspace: str = "default"
    app: str | None = None
    server_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    pgbouncer: bool = False
    postgres_bin: Path | None = None

    host: str = "127.0.0.1"
    port: int = 8787
    path_prefix: str = ""
    public_url: str | None = None  # where others reach the service, with its prefix: what callback addresses begin with
    trusted_proxies: tuple[str, ...] = ()
    read_connections: int = 4
    write_connections: int = 8
    nexrender_lease_seconds: float = 3_600.0  # after so long without a word of its nexrender worker a render is lost
    key_requests_per_second: float = 1_000.0  # 0: no limit
    workspace_requests_per_second: float = 3_000.0

    queues: tuple[str, ...] = ()  # none named: all
    slots: int = 8
    processes: int = 1
    lease_seconds: float = 10.0
    beat_seconds: float = 3.0
    poll_seconds: float = 1.0
    grace_seconds: float = 10.0
    drain_seconds: float = 60.0
    validation_seconds: float = 60.0

    assets_dir: Path | None = None  # none: see `assets`
    uploaded_asset_max_bytes: int = 10 << 20
    generated_asset_max_bytes: int = 500 << 20

    outgoing_allow: tuple[str, ...] = ()  # hosts and blocks of our own network that webhooks may call

    nexrender_url: tuple[str, ...] = ()  # the render servers that jobs may use
    nexrender_roots: tuple[str, ...] = ()  # folders that workers and render nodes share

    claude_path: Path | None = None  # Claude Code; none: looked for where it usually is
    claude_home: str = "workspace"  # whose home and login it has: one of the workspace's own, or the worker's user's

    log_format: str = "auto"
    color: str = "auto"
    seal_key_file: Path | None = None
    anchor_file: Path | None = None

    # None keeps for ever, and is written "forever".
    retention_trail_days: int | None = 365
    retention_logs_days: int | None = 30
    retention_metrics_days: int | None = 30
    retention_usage_days: int | None = 365
    retention_jobs_days: int | None = 90
    retention_queue_stats_days: int | None = 30

    notices: tuple[str, ...] = field(default=(), compare=False)  # what people should be told, though it is no error

    @property
    def assets(self) -> Path:
        """Where the files of jobs are kept."""
        return self.assets_dir or self.home / "assets"


def resolve(*layers: Mapping[str, object]) -> Config:
    """Put layers of settings together, later ones first, defaults last; None is unset. Names every problem at once.

    >>> resolve({"slots": 4}, {"slots": "16", "lease_seconds": "20s"}).slots
    16
    """
    chosen: dict[str, object] = {}
    notices: list[str] = []
    problems: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.items():
            if name == "notices":
                notices.extend(value if isinstance(value, (list, tuple)) else [str(value)])
            elif name not in READERS:
                problems[name] = f"there is no such setting{_meant(name, READERS)}"
            elif value is not None:
                chosen[name] = value
    found: dict[str, Any] = {}
    for name, value in chosen.items():
        try:
            found[name] = READERS[name](value)
        except Invalid as error:
            problems[name] = error.message if name in _HIDDEN else f"{error.message} (it is {str(value)[:60]!r})"
    if not problems:
        config = Config(**found, notices=tuple(dict.fromkeys(notices)))
        problems.update(_at_odds(config))
    if problems:
        text = "; ".join(f"{name}: {what}" for name, what in problems.items())
        raise Invalid(f"the settings cannot be used: {text}", fields=problems)
    return config


def from_env(environ: Mapping[str, str]) -> dict[str, object]:
    """The layer that the environment gives. Other variables may begin like ours, so a strange one is only a notice."""
    layer: dict[str, object] = {}
    notices: list[str] = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or not environ[variable]:
            continue
        if name in READERS:
            layer[name] = environ[variable]
        elif meant := _meant(name, READERS, show=lambda each: PREFIX + each.upper()):
            notices.append(f"{variable} is not a setting{meant}")
    if environ.get("NO_COLOR"):
        layer.setdefault("color", "never")
    if environ.get("DATABASE_URL") and "database_url" not in layer:
        notices.append(
            "DATABASE_URL is set but not used, as it may be another program's; to use it, set JOBTRAIL_DATABASE_URL"
        )
    return layer | {"notices": tuple(notices)}


def from_toml(table: Mapping[str, object]) -> dict[str, object]:
    """The layer of a `jobtrail.toml` or of `[tool.jobtrail]`: `[retention] trail-days = 90` is `retention_trail_days`."""
    return dict(_flat(table, ""))


def _flat(table: Mapping[str, object], above: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = above + key.replace("-", "_")
        if isinstance(value, Mapping):
            yield from _flat(value, name + "_")
        else:
            yield name, value


def _at_odds(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that are fine alone and not together."""
    if config.beat_seconds * 2 > config.lease_seconds:
        yield (
            "beat_seconds",
            f"must be at most half of lease_seconds, {config.lease_seconds:g}, to survive a missed beat",
        )


def _meant(name: str, known: Mapping[str, object], show: Callable[[str], str] = str) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.72)
    return f"; did you mean {show(close[0])}?" if close else ""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid("must be text")
    return value


def _name(value: object) -> str:
    return check_name(_text(value), "a name")


def _path(value: object) -> Path:
    return value if isinstance(value, Path) else Path(_text(value))


def _truth(value: object) -> bool:
    found = _TRUTH.get(str(value).lower())
    if found is None:
        raise Invalid("must be true or false")
    return found


def _days(value: object) -> int | None:
    return None if value == FOREVER else int(_whole(1, 36_500)(value))


def _bytes(value: object) -> int:
    match = _SIZE.fullmatch(str(value))
    size = int(float(match[1]) * _UNITS[match[2].lower().replace("i", "")]) if match else 0
    if not 1 <= size <= 1 << 50:
        raise Invalid("must be a size such as 500MB")
    return size


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise Invalid("must be a list of names")
    return tuple(dict.fromkeys(_name(each) for each in value))


def _urls(value: object) -> tuple[str, ...]:
    return tuple(_like(_SERVER, "https://render.example.org")(each) for each in _names(value))


def _like(pattern: re.Pattern[str], example: str) -> Read:
    def read(value: object) -> str:
        if not pattern.fullmatch(_text(value)):
            raise Invalid(f"must look like {example}")
        return _text(value)

    return read


def _one_of(*words: str) -> Read:
    def read(value: object) -> str:
        if value not in words:
            raise Invalid(f"must be one of {', '.join(words)}")
        return str(value)

    return read


def _whole(low: int, high: int) -> Read:
    def read(value: object) -> int:
        if not _WHOLE.fullmatch(str(value)) or not low <= int(str(value)) <= high:
            raise Invalid(f"must be a whole number from {low} to {high}")
        return int(str(value))

    return read


def _rate(value: object) -> float:
    if not _PLAIN.fullmatch(str(value)) or float(str(value)) > 1_000_000:
        raise Invalid("must be a number of requests a second, or 0 for no limit")
    return float(str(value))


def _seconds(low: float, high: float) -> Read:
    def read(value: object) -> float:
        if isinstance(value, str) and _PLAIN.fullmatch(value):  # the name of the setting says the unit
            value = float(value)
        found = duration.parse(value).total_seconds()  # type: ignore[arg-type]  # it says what is wrong with other types
        if not low <= found <= high:
            raise Invalid(f"must be from {low:g} to {high:g} seconds")
        return found

    return read


READERS: Mapping[str, Read] = {
    "database_url": _like(_DATABASE, "postgresql://user@host/database"),
    "home": _path,
    "workspace": _name,
    "app": _like(_APP, "package.module:attribute"),
    "server_url": _like(_SERVER, "https://jobs.example.org"),
    "api_key": _text,
    "host": _name,
    "port": _whole(0, 65_535),
    "path_prefix": lambda value: "" if value == "" else _like(_PREFIXED, "/jobs")(value),
    "public_url": lambda value: str(_like(_SERVER, "https://jobs.example.org")(value)).rstrip("/"),
    "nexrender_lease_seconds": _seconds(60, 604_800),
    "trusted_proxies": _names,
    "read_connections": _whole(1, 200),
    "write_connections": _whole(1, 200),
    "key_requests_per_second": _rate,
    "workspace_requests_per_second": _rate,
    "pgbouncer": _truth,
    "postgres_bin": _path,
    "queues": _names,
    "slots": _whole(1, 10_000),
    "processes": _whole(1, 256),
    "lease_seconds": _seconds(1, 3_600),
    "beat_seconds": _seconds(0.1, 1_200),
    "poll_seconds": _seconds(0.01, 300),
    "grace_seconds": _seconds(0, 3_600),
    "drain_seconds": _seconds(0, 86_400),
    "validation_seconds": _seconds(0.1, 3_600),
    "assets_dir": _path,
    "uploaded_asset_max_bytes": _bytes,
    "generated_asset_max_bytes": _bytes,
    "outgoing_allow": _names,
    "nexrender_url": _urls,
    "nexrender_roots": _names,
    "claude_path": _path,
    "claude_home": _one_of("workspace", "user"),
    "log_format": _one_of("auto", "pretty", "json"),
    "color": _one_of("auto", "always", "never"),
    "seal_key_file": _path,
    "anchor_file": _path,
    "retention_trail_days": _days,
    "retention_logs_days": _days,
    "retention_metrics_days": _days,
    "retention_usage_days": _days,
    "retention_jobs_days": _days,
    "retention_queue_stats_days": _days,
}
_HIDDEN = {each.name for each in fields(Config) if not each.repr}
