"""Single keys of a terminal, heard while a command runs. Without a terminal nothing is heard, and nothing is changed."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

_LOOK_SECONDS: Final = 0.2


@contextmanager
def heard(keys: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Calls what stands for a key when it is pressed, in a thread. At the end the terminal is as it was.

    Ctrl-C stays what it is.
    """
    if not can_hear():
        yield
        return
    here = sys.stdin.fileno()
    before = termios.tcgetattr(here)
    over = threading.Event()
    thread = threading.Thread(target=_hear, args=(here, keys, over), name="keys", daemon=True)
    tty.setcbreak(here, termios.TCSADRAIN)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        termios.tcsetattr(here, termios.TCSADRAIN, before)


def can_hear() -> bool:
    """Whether keys can be heard. A command in the background is left alone: it would be stopped if it touched the terminal."""
    try:
        return sys.stdin.isatty() and os.getpgrp() == os.tcgetpgrp(sys.stdin.fileno())
    except OSError:  # a terminal, though not the one of this process
        return False


def _hear(here: int, keys: Mapping[str, Callable[[], None]], over: threading.Event) -> None:
    while not over.is_set():
        if not select.select([here], [], [], _LOOK_SECONDS)[0]:
            continue
        pressed = os.read(here, 64).decode(errors="replace")
        if not pressed:
            return  # the terminal has gone
        for key in pressed:
            if key in keys:
                keys[key]()
