"""How a worker is to work: the part of the settings that it needs, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobtrail.outgoing.guard import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each class of history is kept; None: for ever."""

    trail: timedelta | None = timedelta(days=365)
    logs: timedelta | None = timedelta(days=30)
    metrics: timedelta | None = timedelta(days=30)
    jobs: timedelta | None = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a worker is to work. Durations in seconds."""

    queues: tuple[str, ...] = ("default",)
    slots: int = 8
    lease_seconds: float = 10.0
    beat_seconds: float = 3.0
    poll_seconds: float = 1.0
    grace_seconds: float = 10.0
    drain_seconds: float = 60.0
    validation_seconds: float = 60.0
    validation_again_seconds: float = 5.0
    assets_dir: Path = Path(".jobtrail/assets")
    asset_limit_bytes: int = 500 << 20
    work_dir: Path = Path(".jobtrail/work")
    homes_dir: Path = Path(".jobtrail/homes")
    seal_key: bytes | None = None
    anchor_file: Path | None = None
    upkeep: bool = True
    retention: Retention = Retention()
    outgoing: Rules = Rules()
    public_url: str | None = None
