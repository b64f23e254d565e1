"""Calls that block, in threads of their own: the screen never waits for them, and neither does the end of the program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Does something that blocks, and answers what it answers. Raises what it raises."""
    future: Future[T] = Future()

    def call() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001  whoever awaits it gets it
            future.set_exception(error)
        else:
            future.set_result(answer)

    threading.Thread(target=call, name="jobtrail-top", daemon=True).start()
    return await asyncio.wrap_future(future)
