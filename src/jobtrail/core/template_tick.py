"""What stands for the tick in the input, the title and the unique key of a schedule's job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def filled(value: Any, tick: datetime, name: str) -> Any:
    """A JSON value in whose texts {tick}, {tick.date}, {tick.utc} and {schedule} are replaced; keys stay as they are.
    `tick` is in the schedule's zone.

    >>> filled({"day": "{tick.date}"}, datetime(2026, 1, 31, 9, tzinfo=UTC), "nightly")
    {'day': '2026-01-31'}
    """
    words = {
        "{tick}": tick.isoformat(),
        "{tick.date}": tick.date().isoformat(),
        "{tick.utc}": tick.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "{schedule}": name,
    }
    return _filled(value, words)


def _filled(value: Any, words: dict[str, str]) -> Any:
    match value:
        case str():
            for word, meaning in words.items():
                value = value.replace(word, meaning)
            return value
        case list():
            return [_filled(one, words) for one in value]
        case dict():
            return {key: _filled(one, words) for key, one in value.items()}
        case _:
            return value
