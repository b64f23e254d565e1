"""What can be typed after a colon. Nothing is done here."""

from __future__ import annotations

from typing import Final

from jobtrail.cli.telling import Usage
from jobtrail.core.filter_language import parse

TABS: Final = ("jobs", "queues", "workers", "gates", "errors")
KNOWN: Final = (*TABS, "job", "logs", "help", "quit")
_SHORT: Final = {
    "j": "jobs",
    "w": "workers",
    "g": "gates",
    "e": "errors",
    "q": "quit",
    "q!": "quit",
    "approvals": "gates",
}


def words_of(line: str) -> tuple[str, str]:
    """A command in full, and what follows it."""
    name, _, rest = line.strip().removeprefix(":").partition(" ")
    name = _SHORT.get(name.lower(), name.lower())
    near = [known for known in KNOWN if known.startswith(name)] if name else []
    return (name if name in KNOWN or len(near) != 1 else near[0]), rest.strip()


def check(line: str) -> None:
    """Raises what is wrong with a command."""
    name, rest = words_of(line)
    if not name or (name not in KNOWN and any(known.startswith(name) for known in KNOWN)):
        return
    if name not in KNOWN:
        raise Usage(f"there is no command :{name}; there are {', '.join(f':{known}' for known in KNOWN)}")
    if name == "jobs":
        parse(rest)
