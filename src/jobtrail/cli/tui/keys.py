"""The sheet that `?` shows."""

from __future__ import annotations

from typing import Final

from jobtrail.cli.tui.spans import Line

_KEYS: Final = (
    ("Go", (
        ("j q w g e", "jobs, queues, workers, gates, errors"),
        (":", ":jobs status:failed  :job 1a2b3c4d  :logs @last  :quit"),
        ("Enter", "open what is under the cursor"),
        ("Esc", "back; in a list, take marks and then the filter away"),
        ("↑ ↓ PgUp PgDn", "walk; at the end of the jobs, older ones are read"),
        ("Home n", "show what is new: rows never jump by themselves"),
        ("f", "follow what is new; in a log, its end"),
    )),
    ("Find", (
        ("/", "status:failed type:render -tag:nightly attempts>2"),
        ("", 'age<1d "timed out"; space: and, comma: or, minus: not'),
        ("n N E", "in a log: next hit, the one before, next error"),
    )),
    ("Do", (
        ("Space *", "mark a job and go on; mark all that are read, or none"),
        ("r", "retry: the same job again, finished steps kept"),
        ("R", "rerun: a new job with the same input"),
        ("c", "cancel, with a reason"),
        ("a x", "approve or reject what a job waits for"),
        ("p", "pause a queue with a reason, or let it go on"),
        ("l", "the log"),
    )),
    ("Take along", (
        ("y", "copy the id, through the terminal (OSC 52)"),
        ("Y", "copy the command that shows or does the same"),
    )),
    ("Also", (
        ("t", "dark or light"),
        ("Ctrl-C :quit", "leave; nothing that runs is touched"),
    )),
)  # fmt: skip


def lines() -> list[Line]:
    """The sheet, line by line."""
    found: list[Line] = []
    for title, keys in _KEYS:
        found.append(((title, "head"),))
        found += [((f"  {key:<14} ", "key"), (what, "")) for key, what in keys]
    return found
