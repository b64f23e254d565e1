"""The dashboard and the HTTP API beside a command for development: on which port, in whose browser, and the hand that kills
the workers of this terminal."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from jobtrail.cli.hands import Hand
from jobtrail.cli.place import Place
from jobtrail.service.jobs import Options
from jobtrail.web.killing import Killer
from jobtrail.web.runtime import Service
from jobtrail.web.server import beside


@contextmanager
def served(here: Place, types: dict[str, Options], hands: Callable[[], Sequence[Hand]]) -> Iterator[str]:
    """Serves for this machine alone, for the length of a block; answers the address. `hands`: the workers that it may kill."""
    config = replace(here.config, host="127.0.0.1")
    service = Service(url=here.url, config=config, types=types, local=True, killer=killer_of(hands))
    with beside(service) as address:
        yield address


def killer_of(hands: Callable[[], Sequence[Hand]]) -> Killer:
    """Kills processes that this terminal started and has not yet seen end, and no others: their ids are still theirs."""

    def running() -> dict[int, Hand]:
        return {hand.pid: hand for hand in hands() if hand.ended() is None}

    def kill(pid: int) -> bool:
        hand = running().get(pid)
        if hand is not None:
            hand.tell(signal.SIGKILL)
        return hand is not None

    return Killer(lambda: running().keys(), kill)


def taken(address: str, wanted: int) -> str | None:
    """What to say where another port had to be taken than the one of the settings."""
    port = urlsplit(address).port
    return f"port {wanted} is taken, so it is {port}" if wanted and port != wanted else None


def wants_browser(*, choice: bool | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to open a browser: as was said; else where somebody sits at a terminal of this very machine."""
    if choice is not None:
        return choice
    somebody = sys.stdin.isatty() and sys.stderr.isatty() and not environ.get("CI")
    return somebody and not is_ssh(environ) and has_screen(environ)


def open_browser(url: str) -> None:
    """Opens a page, without waiting for the browser."""
    threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()


def has_screen(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a browser could be seen: a browser in the terminal itself would only be in the way."""
    return platform in ("darwin", "win32") or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def is_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this terminal is somewhere else than its person."""
    return bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))


def from_afar(url: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """What to type on the machine where the browser is, over ssh; None where this is that machine."""
    if not is_ssh(environ):
        return None
    port = urlsplit(url).port
    there = (environ.get("SSH_CONNECTION", "").split() + [""] * 3)[2] or "this-machine"
    return f"ssh -L {port}:127.0.0.1:{port} {getpass.getuser()}@{there}"
