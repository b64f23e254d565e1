"""`jobtrail job record` and `replay`: a job as a file of lines of JSON, and its replay on the screen that `watch` uses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import exits, job_follow, place, refs
from jobtrail.cli.flags import NO_FLAGS, Dash, Flags, Plain, Ref, Switch
from jobtrail.cli.replaying import Replay, views
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.client import JobsClient
from jobtrail.core import duration, recording
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.ids import short
from jobtrail.core.recording import PAGE, Wanted, What
from jobtrail.core.status import FINAL

FILES: Final = (".ndjson", ".jsonl")
_FASTEST: Final = 1_000_000.0


def record(
    job: Ref = "@last",
    /,
    *,
    to: Annotated[Path | None, Dash] = None,
    force: Annotated[bool, Parameter(alias="-f", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Write a job as lines of JSON: all that happened, in order, with its times. The job is not touched.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    to
        The file; stdout if not said otherwise, or -.
    force
        Replace a file that is there.
    """
    with place.client(flags) as client:
        found = client.get(refs.job_id(client, job))
        if found.status not in FINAL:
            notice(f"job {short(found.id)} is {found.status}; what happens from now on is not in the recording")
        with _target(to, force=force) as out:
            for line in lines(client, found.id):
                out.write(line)
    if to is not None and str(to) != "-":
        notice(f"recorded; see it: jobtrail job replay {to}")
    return exits.OK


def replay(
    job: Annotated[str, Plain, Dash],
    /,
    *,
    speed: float = 10.0,
    longest_pause: str = "2s",
    instant: Annotated[bool, Switch] = False,
    logs: bool = True,
    exit_status: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Show once more how a job went, on the screen that watch has. Nothing is run, and nothing written.

    Parameters
    ----------
    job
        A recording (a file, or - for stdin), or a job: an id, four or more digits of its start or end, @last or @failed.
    speed
        How many times as quick as it was; 10 if not said otherwise.
    longest_pause
        How long to wait at most where nothing happened, after the speed was reckoned in.
    instant
        Without any pause, line by line. The same recording then gives the same output.
    logs
        Show the lines of its log, too.
    exit_status
        Exit with the outcome of the job.
    """
    if not 0 < speed <= _FASTEST:
        raise Usage(f"--speed must be more than 0, and at most {_FASTEST:.0f}, not {speed}")
    most = duration.parse(longest_pause).total_seconds()
    if instant:
        flags = Flags(output=flags.output, color=flags.color, no_progress=True)
    seen = Replay()
    with _source(job, flags) as raw, job_follow.detaching() as halt:
        pace = (lambda _: not halt.is_set()) if instant else Pace(speed, most, halt).wait
        found = views(recording.read(raw), seen, pace)
        job_follow.shown((view for view in found if logs or not view.lines), flags, data=True)
        if halt.is_set():
            return exits.INTERRUPTED
    last = seen.last
    job_follow.tell_made(last.job, seen.result, flags, quiet=True)
    return exits.of_job(last.job.status) if exit_status else exits.OK


class Pace:
    """Waits between what happened, as long as it took then, but `speed` times as quick and `most` seconds at most."""

    def __init__(self, speed: float, most: float, halt: threading.Event) -> None:
        self._speed, self._most, self._halt = speed, most, halt
        self._before: datetime | None = None

    def wait(self, at: datetime) -> bool:
        """Waits until it is time for what happened then; answers whether to go on."""
        since = timedelta(0) if self._before is None else at - self._before
        self._before = at if self._before is None else max(at, self._before)
        return not self._halt.wait(min(max(since.total_seconds(), 0.0) / self._speed, self._most))


def lines(client: JobsClient, job_id: UUID) -> Iterator[bytes]:
    """The lines of a recording, read piece by piece. Raises NotFound."""
    course = recording.record(client.get(job_id))
    answer: Any = None
    while True:
        try:
            said = course.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(said, bytes):
            yield said
        else:
            answer = _found(client, job_id, said)


def _found(client: JobsClient, job_id: UUID, wanted: Wanted) -> Any:
    looks: dict[What, Callable[[], Any]] = {
        What.ATTEMPTS: lambda: client.attempts(job_id),
        What.STEPS: lambda: client.steps(job_id),
        What.USAGE: lambda: client.usage(job_id),
        What.EVENTS: lambda: client.events(job_id, after=wanted.after, limit=PAGE),
        What.LINES: lambda: client.logs(job_id, from_line=wanted.after + 1),
        What.RESULT: lambda: client.result(job_id),
    }
    return looks[wanted.what]()


@contextmanager
def _source(job: str, flags: Flags) -> Iterator[Iterator[bytes]]:
    """The lines of a recording: of stdin, of a file, or of a job that is recorded as it is replayed."""
    path = Path(job)
    if job == "-":
        yield iter(sys.stdin.buffer)
    elif job.endswith(FILES) or path.is_file():
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise NotFound(f"there is no file {job}") from None
        except OSError as error:
            raise Invalid(f"{job} cannot be read: {error.strerror}") from error
        with file:
            yield iter(file)
    else:
        with place.client(flags) as client:
            yield lines(client, refs.job_id(client, job))


@contextmanager
def _target(to: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """Where the lines go. A file is there whole or not at all. Raises Conflict, Invalid."""
    if to is None or str(to) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if to.exists() and not force:
        raise with_fix(Conflict(f"{to} is there already"), "name another file with --to, or replace it with --force")
    draft = to.with_name(f".{to.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(to)
    except OSError as error:
        raise Invalid(f"{to} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
