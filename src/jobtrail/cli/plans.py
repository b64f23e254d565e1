"""From settings to how a worker is to work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from jobtrail.cli.place import Place
from jobtrail.core.config import Config
from jobtrail.outgoing import guard
from jobtrail.store.anchor import load_or_create_key
from jobtrail.worker.plan import Plan, Retention

_SEAL_KEY: Final = "seal.key"
_ANCHOR: Final = "anchor.jsonl"


def plan_of(place: Place, queues: tuple[str, ...], *, slots: int | None = None) -> Plan:
    """How a worker of these settings works on these queues."""
    config = place.config
    key = seal_key_file(config)
    return Plan(
        queues=queues,
        slots=slots or config.slots,
        lease_seconds=config.lease_seconds,
        beat_seconds=config.beat_seconds,
        poll_seconds=config.poll_seconds,
        grace_seconds=config.grace_seconds,
        drain_seconds=config.drain_seconds,
        validation_seconds=config.validation_seconds,
        assets_dir=config.assets.resolve(),
        asset_limit_bytes=config.generated_asset_max_bytes,
        work_dir=(config.home / "work").resolve(),
        homes_dir=(config.home / "homes").resolve(),
        seal_key=load_or_create_key(key) if key else None,
        anchor_file=anchor_file(config),
        retention=retention_of(config),
        outgoing=guard.rules(config.outgoing_allow),
        public_url=config.public_url,
    )


def retention_of(config: Config) -> Retention:
    """How long each class of history is kept."""
    return Retention(
        trail=_days(config.retention_trail_days),
        logs=_days(config.retention_logs_days),
        metrics=_days(config.retention_metrics_days),
        jobs=_days(config.retention_jobs_days),
    )


def seal_key_file(config: Config) -> Path | None:
    """Where the key that signs seals lies; beside an embedded database there is always one."""
    return config.seal_key_file or (None if config.database_url else config.home / _SEAL_KEY)


def anchor_file(config: Config) -> Path | None:
    """Where seals are anchored; the same."""
    return config.anchor_file or (None if config.database_url else config.home / _ANCHOR)


def _days(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)
