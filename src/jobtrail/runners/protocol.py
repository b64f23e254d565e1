"""What a runner is, and what it may ask of the worker that runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from jobtrail.core.approval import Rules
from jobtrail.core.budget import Grant
from jobtrail.core.graph import JobEnd
from jobtrail.core.model import Asset
from jobtrail.core.outcome import Outcome
from jobtrail.core.status import LogLevel, LogSource, Phase, StepStatus, StepType
from jobtrail.service import attempts, signals
from jobtrail.service.usage import Call
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob

Earlier: TypeAlias = attempts.Earlier
Signal: TypeAlias = signals.Signal


class Assignment(NamedTuple):
    """The job and attempt that a context speaks for. `input` is JSON text."""

    job_id: UUID
    workspace_id: UUID
    attempt_id: UUID
    type: str
    number: int
    generation: int
    input: str
    failures: int = 0
    """How often it has failed in this generation before this attempt."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that begins. `output` is the JSON that it answered before, when it need not run (`done`)."""

    step_id: UUID
    done: bool
    output: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log."""

    message: str
    level: LogLevel = LogLevel.INFO
    source: LogSource = LogSource.USER
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What people decided at a gate. `form` is what they filled in; `on_expire` what their silence counts as, if `expired`."""

    approved: bool
    by: tuple[str, ...]
    comment: str | None = None
    form: Any = None
    expired: bool = False
    on_expire: str = "REJECT"


class Desk(Protocol):
    """What a context asks of the worker. Every call is fenced: a stale attempt raises `Dropped`."""

    @property
    def stop_reason(self) -> str | None:
        """Why the attempt should stop (cancelled, timed out, shutdown), or None."""

    async def stopping(self) -> str:
        """Waits until the attempt should stop; answers why."""

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        """Starts a step, or answers what it remembered."""

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        """Ends a step; its output (JSON) is durable when this returns."""

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        """Records a step that does not run."""

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        """Takes a line; it is stored within some milliseconds, and before the attempt ends."""

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Takes percent done; stored when the whole percent or the stage changes, at most once a second."""

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
        """Asks people. Without an answer yet it raises `Waits`, and the job goes on here later."""

    async def wait(self, key: str, name: str, phase: Phase, wanted: Wanted) -> str:
        """Waits for a time or a signal in a step of its own; answers what that came to, as JSON. While it is not over it
        raises `Waits`, and the job goes on here later."""

    async def children(
        self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool
    ) -> list[JobEnd]:
        """Starts jobs under a key, once, and answers how they ended, in their order.

        Until then it raises `Waits`, and the job goes on here later. `wakes`: one that ends badly is enough to go on.
        """

    async def needed(self) -> dict[UUID, JobEnd]:
        """How those ended that the job waited for before it began."""

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        """Stores a file and makes it an asset."""

    async def use(self, call: Call, step_id: UUID | None) -> bool:
        """Books tokens and money. True: more than its budgets leave was used, and `reserve` says what comes of it."""

    async def reserve(self, usd: Decimal | None, tokens: int | None, *, up_to: bool = False) -> Grant:
        """Holds so much of the budgets of the job for what comes next; answers what may be used. None: as the job says.

        `up_to`: less will do, and None is all that is left of a budget of the job's own. Where there is too little it raises
        `Waits`, and the job goes on here later, or BudgetExceeded.
        """

    async def tell(self, event: str, note: Mapping[str, Any], step_id: UUID | None = None) -> None:
        """Writes an event of the trail, one of `core.status.TOLD`; it is durable when this returns.

        The note is cleaned, redacted, and cut above 16 KiB; the names of a job's own settings (`stage`, `progress`,
        `priority`, `title`, `tags` …) are left out of it. Raises Invalid for any other event.
        """

    async def identify(self, *, process_id: int | None = None, session_id: str | None = None) -> None:
        """Writes which process and which session this attempt is; None leaves what is known."""

    async def earlier(self) -> Earlier:
        """What this job has used so far, the usage of this attempt included."""

    async def policy(self) -> Mapping[str, Any]:
        """What the workspace allows its runners, by types of jobs; empty where it says nothing."""

    async def signalled(self, name: str) -> Signal | None:
        """What somebody outside said to this job under a name; None: nothing yet. To wait for it, answer
        `Wait(WaitReason.SIGNAL, …, note={"signal": name})`: the job starts again when it comes, or has come meanwhile."""

    def home(self) -> Path:
        """A private folder (0700) of this workspace on this machine; it outlives jobs."""

    def metric(self, name: str, value: float, unit: str | None) -> None:
        """Takes a measured value of this attempt."""

    def alive(self) -> None:
        """Says that something moved: the idle timeout starts anew."""

    def workdir(self) -> Path:
        """A folder of this job on this machine; it outlives the attempt, not the job."""

    def secret(self, reference: str) -> str:
        """The value of an environment variable; from now on it is redacted from everything that is stored."""


@runtime_checkable
class Runner(Protocol):
    """Code that knows how to run one type of job.

    Beside these it may have `validate(input) -> Mapping[str, str]`, which looks at the shape of an input at the door,
    and `async def check(self, context) -> Mapping[str, str]`, which looks at what only the machine knows (files, hosts)
    while the job is VALIDATING, before it takes a slot: within `validation_seconds`, in the worker's own process. Both
    answer faults by field path, none when all is well. `check` has `context.input` and of `context.desk` only
    `policy()`, `home()` and `secret()`: there is no attempt yet. Who raises is asked again, three times in all. It is an
    early warning and no guard: a retried job is not checked again, so `run` must look for itself.
    """

    type: str

    async def run(self, context: Any) -> Outcome:
        """Runs one attempt to its end. Exceptions become a failure of the attempt."""


RunnerFactory = Callable[[], Runner]
