"""Finds runners by entry point. Ours come through the same door as strangers'."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from jobtrail.core.errors import Conflict, Misconfigured
from jobtrail.runners.protocol import Runner, RunnerFactory

GROUP = "jobtrail.runners"

HOUSE = (
    EntryPoint("jobtrail.webhook", "jobtrail.runners.webhook:WebhookRunner", GROUP),
    EntryPoint("jobtrail.bulk", "jobtrail.runners.bulk:BulkRunner", GROUP),
)
"""What every worker runs beside what is installed: jobs of types that nobody enqueues by hand."""


def discover() -> dict[str, EntryPoint]:
    """The types that installed packages bring, without importing any. Raises Conflict when two bring one type."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            raise Conflict(f"two packages bring a runner for type {entry.name!r}: {other.value} and {entry.value}")
        found[entry.name] = entry
    return found


def load(names: tuple[str, ...] | None = None) -> dict[str, Runner]:
    """The runners of these types, or of all that are installed. Raises Misconfigured when one cannot be loaded."""
    runners = {}
    for name, entry in {**{entry.name: entry for entry in HOUSE}, **discover()}.items():
        if names is None or name in names:
            try:
                make: RunnerFactory = entry.load()
            except (ImportError, AttributeError) as error:
                raise Misconfigured(f"runner {name!r} ({entry.value}) cannot be loaded: {error}") from error
            runners[name] = make()
    return runners
