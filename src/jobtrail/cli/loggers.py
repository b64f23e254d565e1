"""What the program itself says while it works: lines on stderr, for people or as JSON. A job's own lines go elsewhere."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_OURS: Final = "jobtrail"


def listen(log_format: str, *, level: int = logging.INFO) -> None:
    """Sends what `jobtrail` logs to stderr, and from others what is at least a warning."""
    as_json = log_format == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Json() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    handler.addFilter(lambda record: record.name.startswith(_OURS) or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= getattr(record, "fields", {})
        if record.exc_info:
            said["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
