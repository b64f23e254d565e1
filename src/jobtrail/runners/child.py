"""The process of one attempt: imports the function, runs it, and asks the worker's desk for everything else.

Started by `isolated` as `python -m jobtrail.runners.child`, with instructions on stdin. It has no database.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.graph import JobEnd
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Cancel, Dropped, Fail, Outcome, Snooze, Stopped, Wait, Waits
from jobtrail.core.status import Phase, StepStatus, StepType
from jobtrail.runners import records, refusals, wire
from jobtrail.runners.context import Context
from jobtrail.runners.functions import found
from jobtrail.runners.instructions import Instructions
from jobtrail.runners.main_thread import MainThread
from jobtrail.runners.protocol import Begun, Decision, Earlier, LogLine, Signal
from jobtrail.runners.python import PythonRunner, failure
from jobtrail.service.usage import Call
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob

T = TypeVar("T")

EX_ORPHAN: Final = 71
_WORD_SECONDS: Final = 1.0  # for the word that goes before a SIGTERM to arrive; it is already on its way
_CHUNK_BYTES: Final = 1 << 20


class _Told(BaseException):
    """SIGTERM came while sync code ran."""


class RemoteDesk:
    """The desk, seen from the child: calls go to the worker and wait for its answer."""

    def __init__(self, address: str, token: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._sending = threading.Lock()
        self._ids = count(1)
        self._asked: dict[int, Future[msgspec.Raw]] = {}
        self._told: Future[str] = Future()
        self._told.set_running_or_notify_cancel()
        self._ended = False
        self._welcome = threading.Event()
        self._say(wire.Hello(token=token))
        threading.Thread(target=self._listen, name="jobtrail-desk", daemon=True).start()
        self._welcome.wait()  # else a busy worker could see our end before our greeting, and hear nothing of ours

    @property
    def stop_reason(self) -> str | None:
        return self._told.result() if self._told.done() else None

    async def stopping(self) -> str:
        return await asyncio.shield(asyncio.wrap_future(self._told))

    def hear_why(self) -> None:
        """After a SIGTERM: waits for the reason, which another thread hears, so that code that cleans up knows it."""
        with suppress(TimeoutError):  # nobody said why: the signal is not from the worker
            self._told.result(_WORD_SECONDS)

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        return await self._ask(wire.BeginStep(id=next(self._ids), key=key, name=name, phase=phase, type=type), Begun)

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        said = None if error is None else jsonguard.clean_text(error, max_bytes=4_096)
        await self._ask(
            wire.FinishStep(id=next(self._ids), step_id=step_id, status=status, output=output, error=said), NoneType
        )

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        said = jsonguard.clean_text(why)
        await self._ask(
            wire.SkipStep(id=next(self._ids), key=key, name=name, phase=phase, type=type, why=said), NoneType
        )

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        details = None if not line.details else msgspec.json.decode(jsonguard.clean_value(line.details)[0])
        self._say(
            wire.Wrote(
                message=jsonguard.clean_text(line.message),
                level=line.level,
                source=line.source,
                component=_clean(line.component),
                operation=_clean(line.operation),
                correlation_id=_clean(line.correlation_id),
                details=details,
                step_id=step_id,
            )
        )

    def progress(self, percent: float, stage: str | None = None) -> None:
        percent = float(percent)
        if not math.isnan(percent):
            self._say(wire.Progressed(percent=min(max(percent, 0.0), 100.0), stage=_clean(stage)))

    async def ask(
        self,
        key: str,
        question: str,
        *,
        phase: Phase,
        approvers: tuple[str, ...],
        needed: int,
        form: str | None,
        expires: timedelta | None,
        rules: Rules = Rules(),
    ) -> Decision:
        asked = wire.Ask(
            id=next(self._ids),
            key=key,
            question=question,
            phase=phase,
            approvers=approvers,
            needed=needed,
            form=form,
            expires_seconds=None if expires is None else expires.total_seconds(),
            rules=rules,
        )
        return await self._ask(asked, Decision)

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        return await self._ask(wire.WaitFor(id=next(self._ids), key=key, name=name, phase=phase, wanted=wanted), str)

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        asked = wire.Children(id=next(self._ids), key=key, name=name, phase=phase, wanted=list(wanted), wakes=wakes)
        return await self._ask(asked, list[JobEnd])

    async def needed(self) -> dict[UUID, JobEnd]:
        return {end.job_id: end for end in await self._ask(wire.Needed(id=next(self._ids)), list[JobEnd])}

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        if isinstance(source, Path):
            return await self._keep(name, _absolute(source), role, media_type, step_id)
        with tempfile.NamedTemporaryFile(prefix="jt-") as file:
            if isinstance(source, bytes):
                file.write(source)
            else:
                async for chunk in source:
                    file.write(chunk)
            file.flush()
            return await self._keep(name, Path(file.name), role, media_type, step_id)

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        return await self._ask(wire.Use(id=next(self._ids), call=call, step_id=step_id), bool)

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        return await self._ask(wire.Reserve(id=next(self._ids), usd=usd, tokens=tokens, up_to=up_to), Grant)

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        said = msgspec.json.decode(jsonguard.clean_value(dict(note))[0])
        await self._ask(wire.Tell(id=next(self._ids), event=event, note=said, step_id=step_id), NoneType)

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        asked = wire.Identify(id=next(self._ids), process_id=process_id, session_id=_clean(session_id))
        await self._ask(asked, NoneType)

    async def earlier(self) -> Earlier:
        return await self._ask(wire.Earlier(id=next(self._ids)), Earlier)

    async def policy(self) -> Mapping[str, Any]:
        return await self._ask(wire.Policy(id=next(self._ids)), dict[str, Any])

    async def signalled(self, name: str) -> Signal | None:
        return msgspec.convert(await self._ask(wire.Signalled(id=next(self._ids), name=name), object), Signal | None)

    def home(self) -> Path:
        return Path(self._wait(wire.Home(id=next(self._ids)), str))

    def metric(self, name: str, value: float, unit: str | None) -> None:
        jsonguard.check_name(name, "a metric's name")
        value = float(value)
        told = value if abs(value) < float("inf") else None
        self._say(wire.Measured(name=name, value=told, unit=_clean(unit)))

    def alive(self) -> None:
        self._say(wire.Alive())

    def workdir(self) -> Path:
        return Path(self._wait(wire.Workdir(id=next(self._ids)), str))

    def secret(self, reference: str) -> str:
        return self._wait(wire.Secret(id=next(self._ids), reference=reference), str)

    def end(self, outcome: Outcome) -> None:
        """Says how the code ended; the last that is said."""
        self._ended = True
        self._say(wire.end(outcome))

    async def _keep(self, name: str, path: Path, role: str, media_type: str | None, step_id: UUID | None) -> Asset:
        asked = wire.Keep(
            id=next(self._ids), name=name, path=str(path), role=role, media_type=media_type, step_id=step_id
        )
        return await self._ask(asked, Asset)

    async def _ask(self, asked: wire.Question, answers: type[T]) -> T:
        raw = await asyncio.wrap_future(self._sent(asked))
        return msgspec.json.decode(raw, type=answers)

    def _wait(self, asked: wire.Question, answers: type[T]) -> T:
        return msgspec.json.decode(self._sent(asked).result(), type=answers)

    def _sent(self, asked: wire.Question) -> Future[msgspec.Raw]:
        future: Future[msgspec.Raw] = Future()
        future.set_running_or_notify_cancel()  # whoever waits may be cancelled, the question is not
        self._asked[asked.id] = future
        self._say(asked)
        return future

    def _say(self, said: wire.FromChild) -> None:
        data = wire.line(said)
        with self._sending:
            self._socket.sendall(data)

    def _listen(self) -> None:
        """A thread, so that code that blocks its event loop is answered too."""
        try:
            with self._socket.makefile("rb") as lines:
                for data in lines:
                    self._hear(wire.read_worker(data))
        finally:
            if not self._ended:
                os._exit(EX_ORPHAN)  # the worker is gone, and with it the right to do anything

    def _hear(self, said: wire.FromWorker) -> None:
        match said:
            case wire.Welcome():
                self._welcome.set()
            case wire.Stop():
                if not self._told.done():
                    self._told.set_result(said.reason)
            case wire.Answer():
                self._asked.pop(said.id).set_result(said.value)
            case wire.Refused():
                self._asked.pop(said.id).set_exception(refusals.raised(said))
            case wire.Unwind():
                unwind = Dropped() if said.gate_id is None else Waits(said.gate_id)
                self._asked.pop(said.id).set_exception(unwind)


def main() -> None:
    """Runs the one attempt that stdin describes. Exits as the code wants to, else with 0: the desk knows how it was."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Instructions)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.path[:] = told.path
    desk = RemoteDesk(told.socket, told.token)
    code: Any = 0
    try:
        desk.end(_attempt(told, desk))
    except (Waits, Dropped):
        pass  # the worker knows
    except SystemExit as error:
        code = error.code
        desk.end(Fail("exit", f"the code called exit: {error!r}"))
    sys.exit(code)


def _attempt(told: Instructions, desk: RemoteDesk) -> Outcome:
    try:
        here = MainThread()
        runner = _runner(told, here)
        context = Context(told.assignment, desk)
        with records.captured():
            if runner.is_async:
                return _until_told(runner, context, desk)
            return _beside(runner, context, desk, here)
    except _Told:
        return Stopped()
    except (Snooze, Cancel, Wait) as answer:
        return answer
    except (Waits, Dropped, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  whatever the code, or its import, raises is an outcome
        return failure(error)


def _until_told(runner: PythonRunner, context: Context, desk: RemoteDesk) -> Outcome:
    """Async code runs in the event loop of the main thread. SIGTERM cancels it."""
    told = False

    async def attempt() -> Outcome:
        def stop() -> None:
            nonlocal told
            told = True
            desk.hear_why()
            task.cancel()

        task = asyncio.ensure_future(runner.run(context))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        return await task

    try:
        return asyncio.run(attempt())
    except asyncio.CancelledError:
        if not told:
            raise
        raise _Told from None


def _beside(runner: PythonRunner, context: Context, desk: RemoteDesk, here: MainThread) -> Outcome:
    """Sync code runs in the main thread, its desk's event loop in another. SIGTERM raises in the code."""
    done: Future[Outcome] = Future()

    def loop() -> None:
        try:
            done.set_result(asyncio.run(runner.run(context)))
        except BaseException as error:  # noqa: BLE001  it is raised in the main thread
            done.set_exception(error)
        finally:
            here.close()

    def stop(_number: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: what cleans up is not interrupted again
        desk.hear_why()
        raise _Told

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=loop, name="jobtrail-loop", daemon=True).start()
    here.serve()
    return done.result()


def _runner(told: Instructions, here: MainThread) -> PythonRunner:
    """The function's runner in this process, with the retry policy of its type."""
    function, policy = found(told.module, told.file, told.qualname)
    runner = PythonRunner(told.assignment.type, function, executor=here)
    runner.retry = policy
    return runner


def _absolute(path: Path) -> Path:
    """The path as the worker must read it: code may have gone into another folder."""
    return Path(os.path.abspath(path))


def _clean(text: str | None) -> str | None:
    return None if text is None else jsonguard.clean_text(text, max_bytes=255)


if __name__ == "__main__":
    main()
