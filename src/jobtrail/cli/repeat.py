"""`--watch` of lists: the same again whenever it changed, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from jobtrail.cli import exits, job_follow, show
from jobtrail.cli.flags import Flags

T = TypeVar("T")

_SECONDS: Final = 1.0
_CLEAR: Final = "\x1b[H\x1b[2J\x1b[3J"


def show_changes(read: Callable[[], T], draw: Callable[[T], None], flags: Flags) -> int:
    """Reads once a second and draws what is new; on a terminal in place of what stood there."""
    before: T | None = None
    with job_follow.detaching() as halt:
        while not halt.is_set():
            found = read()
            if found != before:
                if show.is_terminal() and flags.output not in ("json", "jsonl"):
                    print(_CLEAR, end="")
                draw(found)
                before = found
            halt.wait(_SECONDS)
    return exits.INTERRUPTED
