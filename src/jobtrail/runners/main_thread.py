"""An executor that runs what it is given in the main thread of a child process: the one that signals reach."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class MainThread(Executor):
    """Runs what it is given in the thread that serves it: the one that signals reach, and that code expects."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        return future

    def serve(self) -> None:
        """Runs what comes until `close`."""
        while (given := self._calls.get()) is not None:
            future, call = given
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001  it is raised where the call was given
                future.set_exception(error)

    def close(self) -> None:
        """Ends `serve`."""
        self._calls.put(None)
