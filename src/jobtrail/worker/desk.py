"""The worker's side of a context: every call becomes a fenced verb. A stale attempt unwinds the code that runs."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.errors import Invalid, StaleAttempt
from jobtrail.core.graph import JobEnd
from jobtrail.core.jsonguard import MAX_NAME_BYTES, check_name, clean_text
from jobtrail.core.model import Asset, Remembered
from jobtrail.core.outcome import Dropped, Fail, Waits
from jobtrail.core.redact import Redactor
from jobtrail.core.status import GateStatus, Phase, StepStatus, StepType
from jobtrail.runners.decisions import decided, gate_key
from jobtrail.runners.protocol import Assignment, Begun, Decision, Earlier, LogLine, Signal
from jobtrail.service import assets, attempts, gates, reserving, signals, steps, trail, waits, workspaces
from jobtrail.service.assets import NewAsset
from jobtrail.service.reserving import Permit
from jobtrail.service.usage import Call, Measured
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.identity import new_id
from jobtrail.tracing import StepSpans
from jobtrail.worker.family import Family
from jobtrail.worker.journal import Book, Journal
from jobtrail.worker.purse import Purse
from jobtrail.worker.running import LOST, Running

_OURS: Final = "JOBTRAIL_"


class Execute(Protocol):
    """Runs a verb and insists while the database is away."""

    def __call__(self, work: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Room:
    """What all desks of a worker share."""

    execute: Execute
    journal: Journal
    files: LocalFiles
    asset_limit: int
    work_dir: Path
    homes_dir: Path
    environment: Mapping[str, str]
    hear: Callable[[str], None] = lambda _queue: None


@dataclass(slots=True)
class LocalDesk:
    """The desk of one attempt. It knows what earlier attempts remembered."""

    room: Room
    running: Running
    book: Book
    remembered: dict[str, Remembered] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    calls: int = 0
    open_steps: dict[UUID, str] = field(default_factory=dict)
    spans: StepSpans = field(default_factory=StepSpans)
    purse: Purse = field(init=False)
    family: Family | None = None
    _redactor: Redactor | None = None

    def __post_init__(self) -> None:
        self.purse = Purse(self.room.execute, self.running)

    @property
    def stop_reason(self) -> str | None:
        """Why the attempt should stop, or None."""
        return self.running.reason

    async def stopping(self) -> str:
        """Waits until the attempt should stop; answers why."""
        return await self.running.stopping()

    def alive(self) -> None:
        """Something moved."""
        self.running.alive_at = time.monotonic()

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        """Starts a step, or answers what it remembered."""
        known = self.remembered.get(key)
        if known is not None and known.status == StepStatus.COMPLETED:
            return Begun(known.step_id, True, known.output)
        step_id = known.step_id if known is not None else new_id()
        begun = await self._do(steps.begin(self.running.fence, step_id, key, name, phase, type))
        if begun is None:
            raise self._stale()
        if begun is False:
            raise Invalid(f"step {key!r} was begun twice in one attempt and has completed; give the steps other names")
        self.open_steps[begun] = key
        self.spans.begin(begun, name, phase)
        return Begun(begun, False)

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        """Ends a step; its output is durable when this returns."""
        said = None if error is None else self.redact(clean_text(error, max_bytes=4_096))
        kept = None if output is None else self.redact(output)
        done = await self._do(steps.finish(self.running.fence, step_id, status, output=kept, error=said))
        if done is None:
            raise self._stale()
        self.open_steps.pop(step_id, None)
        self.spans.end(step_id, (said or "failed") if status is StepStatus.FAILED else None)

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        """Records a step that does not run."""
        if key not in self.remembered:
            await self._do(steps.skip(self.running.fence, new_id(), key, name, phase, type, why))

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        """Takes a line."""
        self.alive()
        self.room.journal.log(self.book, line, step_id, self.redact)

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Takes percent done."""
        self.alive()
        self.room.journal.progress(self.book, percent, stage)

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
        """Asks people; without an answer yet the job waits, and this unwinds the code."""
        key = gate_key(key, self.running.claimed.generation, self.remembered)
        known = self.remembered.get(key)
        if known is not None and known.gate_status not in (None, GateStatus.WAITING):
            decision = decided(known)
            if known.status != StepStatus.COMPLETED:
                await self._pass(known.step_id, key, question, phase, decision)
            return decision
        begun = await self.begin_step(key, check_name(_in_short(question), "a gate's question"), phase, StepType.GATE)
        await self.room.journal.settle(self.book)
        work = gates.request(
            self.running.fence,
            begun.step_id,
            new_id(),
            question,
            approvers=approvers,
            needed=needed,
            form=form,
            expires=expires,
            rules=rules,
        )
        raise Waits(await self._do(work))

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        """Waits for a time or a signal; while it is not over the job waits, and this unwinds the code."""
        key = waits.key_of(key, self.running.claimed.generation, self.remembered)
        known = self.remembered.get(key)
        if known is not None and known.status == StepStatus.COMPLETED:
            return known.output or "null"
        await self.room.journal.settle(self.book)
        stand = await self._do(waits.begin(self.running.fence, new_id(), key, name, phase, wanted))
        if stand.stop:
            await self.running.stopping()  # the order to stop is on its way, and with it what ends the attempt
            raise asyncio.CancelledError
        if stand.seconds is not None:
            await asyncio.sleep(stand.seconds)
            await self.finish_step(stand.step_id, StepStatus.COMPLETED, "null", None)
            return "null"
        if stand.output is None:
            raise Waits(stand.step_id)
        return str(stand.output)

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        """Starts jobs, once, and answers how they ended; until then the job waits, and this unwinds the code."""
        known = self.remembered.get(key)
        if known is not None and known.status == StepStatus.COMPLETED:
            output = known.output or "{}"
            recalled: list[JobEnd] = await self._own(lambda: self._family().recalled(output))
            return recalled
        ends: list[JobEnd] = await self._own(lambda: self._family().ends(key, name, phase, wanted, wakes=wakes))
        return ends

    async def given(self, assignment: Assignment) -> tuple[Fail | None, Assignment]:
        """The assignment with the results of other jobs in its input; or why it cannot begin, for want of them."""
        given: tuple[Fail | None, Assignment] = await self._own(lambda: self._family().given(assignment))
        return given

    async def needed(self) -> dict[UUID, JobEnd]:
        """How those ended that the job waited for before it began."""
        ends: dict[UUID, JobEnd] = await self._own(self._family().needed)
        return ends

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        """Stores a file and makes it an asset; it can be read only after that."""
        check_name(name, "a file's name")
        files, limit = self.room.files, self.room.asset_limit
        if isinstance(source, Path):
            stored = await asyncio.to_thread(files.put_file, source, limit=limit)
        elif isinstance(source, bytes):
            stored = await asyncio.to_thread(files.put_bytes, source, limit=limit)
        else:
            stored = await files.put_stream(source, limit=limit)
        kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        new = NewAsset(
            id=new_id(),
            name=name,
            byte_size=stored.byte_size,
            sha256=stored.sha256,
            storage_key=stored.key,
            role=role,
            media_type=kind,
            step_id=step_id,
        )
        if await self._do(assets.keep(self.running.fence, new)) is None:
            raise self._stale()
        fence, now = self.running.fence, datetime.now(UTC)
        return Asset(
            new.id,
            fence.job_id,
            fence.attempt_id,
            step_id,
            name,
            role,
            kind,
            new.byte_size,
            new.sha256,
            stored.key,
            now,
        )

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        """Books tokens and money, and answers whether that is more than its budgets leave."""
        self.calls += 1
        over: bool | None = await self._do(reserving.use(self.running.fence, self.calls, call, step_id))
        if over is None:
            raise self._stale()
        return over

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        """Holds money and tokens for what comes next. Raises BudgetExceeded; what waits unwinds the code."""
        await self.room.journal.settle(self.book)
        permit: Permit = await self._do(reserving.reserve(self.running.fence, usd=usd, tokens=tokens, up_to=up_to))
        return await self.purse.taken(permit)

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        """Writes an event of the trail. Raises Invalid when it is not a runner's to tell."""
        said = self.redact(trail.note_of(note, event))
        if await self._do(trail.tell(self.running.fence, event, said, step_id)) is None:
            raise self._stale()

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        """Writes which process and session this attempt is."""
        session = None if session_id is None else clean_text(session_id, max_bytes=255)
        verb = attempts.identify(self.running.fence, process_id=process_id, session_id=session)
        if await self._do(verb) is None:
            raise self._stale()

    async def earlier(self) -> Earlier:
        """What this job has used so far."""
        fence = self.running.fence
        used: Earlier = await self._do(attempts.earlier(fence.workspace_id, fence.job_id, fence.attempt_id))
        return used

    async def policy(self) -> Mapping[str, Any]:
        """What the workspace allows its runners."""
        return await self._do(workspaces.policy(self.running.fence.workspace_id)) or {}

    async def signalled(self, name: str) -> Signal | None:
        """What was said to this job under a name."""
        fence = self.running.fence
        found: Signal | None = await self._do(signals.signalled(fence.workspace_id, fence.job_id, name))
        return found

    def home(self) -> Path:
        """A private folder of this workspace on this machine."""
        return home_of(self.room, self.running.fence.workspace_id)

    def metric(self, name: str, value: float, unit: str | None) -> None:
        """Takes a measured value."""
        fence, claimed = self.running.fence, self.running.claimed
        self.room.journal.metric(
            Measured(
                workspace_id=fence.workspace_id,
                type=claimed.type,
                name=check_name(name, "a metric's name"),
                value=float(value),
                unit=None if unit is None else clean_text(unit, max_bytes=255),
                job_id=fence.job_id,
                attempt_id=fence.attempt_id,
            )
        )

    def workdir(self) -> Path:
        """A folder of this job on this machine."""
        folder = self.room.work_dir / str(self.running.fence.job_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def secret(self, reference: str) -> str:
        """The value of an environment variable, redacted from now on. Raises Invalid when it is not set."""
        value = secret_of(self.room, reference)
        self._redactor = Redactor([*self.secrets, value])
        self.secrets.append(value)
        return value

    def redact(self, text: str) -> str:
        """Text without the secrets that were handed out."""
        return text if self._redactor is None else self._redactor.text(text)

    def _family(self) -> Family:
        if self.family is None:
            room, book = self.room, self.book
            self.family = Family(
                room.execute,
                self.running.fence,
                self.running.claimed.generation,
                settle=lambda: room.journal.settle(book),
                hear=room.hear,
            )
        return self.family

    async def _pass(self, step_id: UUID, key: str, name: str, phase: Phase, decision: Decision) -> None:
        """Closes the gate's step with what was decided, and remembers it."""
        begun = await self._do(steps.begin(self.running.fence, step_id, key, _in_short(name), phase, StepType.GATE))
        if begun is None:
            raise self._stale()
        if begun is not False:
            output = msgspec.json.encode({"approved": decision.approved, "by": decision.by}).decode()
            status = StepStatus.COMPLETED if decision.approved else StepStatus.FAILED
            await self.finish_step(step_id, status, output, None)

    async def _do(self, work: Any) -> Any:
        return await self._own(lambda: self.room.execute(work))

    async def _own(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Waits for what is done in the name of this attempt."""
        self.alive()
        if self.running.reason == LOST:
            raise self._stale()
        try:
            return await work()
        except StaleAttempt:
            raise self._stale() from None

    def _stale(self) -> Dropped:
        self.running.reason = LOST
        return Dropped()


def _in_short(question: str) -> str:
    """A question as the name of its step: one line, and no more than a name may have."""
    return clean_text(" ".join(question.split()), max_bytes=MAX_NAME_BYTES)


def home_of(room: Room, workspace: UUID) -> Path:
    """The private folder of a workspace on this machine."""
    folder = room.homes_dir / str(workspace)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def secret_of(room: Room, reference: str) -> str:
    """The value of an environment variable. Raises Invalid when it is not set, or the worker's own."""
    if reference.startswith(_OURS):
        raise Invalid(f"secret {reference!r} is the worker's own, which no job gets; give the job's another name")
    value = room.environment.get(reference)
    if value is None:
        raise Invalid(f"secret {reference!r} is not in this worker's environment; set it where the worker starts")
    return value
