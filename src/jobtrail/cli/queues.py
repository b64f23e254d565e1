"""`jobtrail queue list`, `pause`, `resume`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import operating, place, repeat, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.jsonguard import check_name
from jobtrail.core.model import QueueDepth
from jobtrail.service.queues import CAP


def queues(*, watch: Annotated[bool, Parameter(alias="-w", negative=())] = False, flags: Flags = NO_FLAGS) -> int:
    """How the queues stand: what waits ready in them, and what is paused.

    Parameters
    ----------
    watch
        Show them again whenever something changed.
    """
    with place.client(flags) as client:
        if watch:
            return repeat.show_changes(client.queues, lambda found: _show(found, flags), flags)
        _show(client.queues(), flags)
    return 0


def pause(
    queue: Annotated[str, Plain],
    /,
    *,
    reason: Annotated[str | None, Parameter(alias="-m")] = None,
    worker: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Let workers take no more of a queue; what runs goes on.

    Parameters
    ----------
    queue
        The name of the queue.
    reason
        Why; whoever asks what a job waits for is told.
    worker
        Only this worker, by its name, its id or digits of that; the others go on.
    """
    check_name(queue, "a queue's name")
    if worker is not None:
        if reason is not None:
            raise Usage("a reason is kept for the queue as a whole; one worker is only told to leave it")
        return operating.leave(worker, queue, flags, take=False)
    with place.client(flags) as client:
        client.pause(queue, reason)
        _tell(client.queues(), queue, flags)
    notice(f"paused {queue}; undo: jobtrail queue resume {queue}")
    return 0


def resume(queue: Annotated[str, Plain], /, *, worker: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """Let workers take of a queue again.

    Parameters
    ----------
    queue
        The name of the queue.
    worker
        Only this worker, by its name, its id or digits of that.
    """
    if worker is not None:
        return operating.leave(worker, check_name(queue, "a queue's name"), flags, take=True)
    with place.client(flags) as client:
        client.resume(queue)
        _tell(client.queues(), queue, flags)
    notice(f"resumed {queue}")
    return 0


def _tell(found: list[QueueDepth], queue: str, flags: Flags) -> None:
    one = next((each for each in found if each.queue == queue), None)
    if one is not None and flags.output in ("json", "jsonl"):
        show.line(show.plain(one))


def _show(found: list[QueueDepth], flags: Flags) -> None:
    show.rows(
        found,
        [
            show.Column("QUEUE", lambda q: q.queue),
            show.Column("READY", lambda q: q.depth, _depth, right=True),
            show.time_column("OLDEST", lambda q: q.oldest_queued_at),
            show.time_column("PAUSED", lambda q: q.paused_at),
            show.Column("BY", lambda q: q.paused_by, rank=1),
            show.Column("WHY", lambda q: q.paused_reason, lambda q: words.one_line(q.paused_reason, 60), rank=2),
        ],
        flags,
        empty="no queue holds a ready job, and none is paused",
    )


def _depth(found: QueueDepth) -> str:
    return f"{(CAP - 1) // 1000}k+" if found.depth >= CAP else str(found.depth)
