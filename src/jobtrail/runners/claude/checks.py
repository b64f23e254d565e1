"""Gates after the agent has said that it is done: commands that must pass, and what to tell the agent when they do not."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field as data_field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta, field

from jobtrail.core import duration, jsonguard
from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.fence import Used
from jobtrail.core.redact import parse_reference
from jobtrail.core.status import LogLevel, Phase, StepStatus, StepType
from jobtrail.runners.pipeline.environment import search_path
from jobtrail.runners.pipeline.fields import below
from jobtrail.runners.pipeline.halt import Halt, together
from jobtrail.runners.pipeline.model import EnvReference, EnvValue, Span
from jobtrail.runners.pipeline.plan import Planned, wrong_glob
from jobtrail.runners.pipeline.step import Bench, Command, Host, StepEnd, as_typed
from jobtrail.runners.pipeline.verdict import Failure, plain
from jobtrail.runners.protocol import Desk, LogLine

MAX_CHECKS: Final = 20
MAX_NAME_BYTES: Final = 100
REPORT: Final = "report"  # the role of what is kept
TAIL_LINES: Final = 80
TAIL_LINE_CHARACTERS: Final = 500
TAIL_CHARACTERS: Final = 6_000
PROMPT_CHARACTERS: Final = 24_000
_DEMAND: Final = """\
Find the cause and mend it. Run {these} yourself until all pass, and only then say that you are done.
Mend the work, not the measure: do not weaken, skip, delete or bypass a check, a test or their settings, and do not write
code that only recognises them. If something cannot pass for a reason outside of your task, say so plainly.
"""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command that must end with exit code 0 once the agent says that it is done."""

    name: Annotated[str, Meta(description="What it is called in the steps, the events and the names of its reports.")]
    run: Annotated[list[str] | str, Meta(description='The command: ["make", "test"], or a text if `shell` is true.')]
    shell: Annotated[bool, Meta(description="Whether a shell reads the command.")] = False
    timeout: Annotated[Span, Meta(description="How long it may run; longer is a failure.")] = "10m"
    cwd: Annotated[str | None, Meta(description="A folder in the one where the agent works.")] = None
    env: Annotated[dict[str, EnvValue], Meta(description='More environment. {"env": "NAME"} is a secret.')] = field(
        default_factory=dict
    )
    artifacts: Annotated[
        list[str], Meta(description="Patterns of the reports to keep, such as reports/*.xml, also when it fails.")
    ] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a check went. `command` and `tail` are for the agent and people; `stopped`: the job was to stop meanwhile."""

    name: str
    passed: bool
    command: str
    summary: str
    exit_code: int | None = None
    code: str | None = None
    tail: tuple[str, ...] = ()
    round: int = 1
    duration_ms: int = 0
    stopped: bool = False
    used: Used = data_field(default_factory=Used)

    def told(self) -> dict[str, object]:
        """As it stands in the job's result."""
        return {"name": self.name, "passed": self.passed, "exit_code": self.exit_code, "summary": self.summary}


def faults(checks: Sequence[Check], at: str = "checks") -> Mapping[str, str]:
    """What is wrong with them, by field path; pure."""
    found: dict[str, str] = {}
    if len(checks) > MAX_CHECKS:
        found[at] = f"there must be at most {MAX_CHECKS}, not {len(checks)}"
    names: dict[str, int] = {}
    for i, check in enumerate(checks):
        here = below(at, i)
        if names.setdefault(check.name, i) != i:
            found[f"{here}.name"] = f"{at}[{names[check.name]}] has the same name; checks are told by name"
        wrong = {"name": _wrong_name(check.name), "run": _wrong_run(check), "timeout": _wrong_timeout(check.timeout)}
        wrong["cwd"] = _wrong_cwd(check.cwd)
        wrong |= {below("env", name): _wrong_variable(name, value) for name, value in check.env.items()}
        wrong |= {f"artifacts[{n}]": wrong_glob(pattern) for n, pattern in enumerate(check.artifacts)}
        found |= {f"{here}.{part}": said for part, said in wrong.items() if said}
    return found


@dataclass(slots=True)
class _Heard:
    """What a check prints: the whole into a file, the end in memory. Secrets are hidden already."""

    file: IO[str]
    tail: deque[str] = data_field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    def line(self, line: LogLine) -> None:
        self.file.write(f"{plain(line.message)}\n")
        if shown := plain(line.message).rstrip():
            self.tail.append(shown[:TAIL_LINE_CHARACTERS])


@dataclass(frozen=True, slots=True)
class _Begun:
    """A check that is about to run. `command` is a failure if it could not be prepared."""

    check: Check
    step_id: UUID
    command: Command | Failure
    heard: _Heard


async def run_checks(
    checks: Sequence[Check],
    *,
    cwd: Path,
    env: Mapping[str, str],
    desk: Desk,
    halt_event: asyncio.Event,
    marker: str,
    round: int,
    attempt: int = 1,
    host: Host | None = None,
    secrets: Iterable[str] = (),
) -> list[Report]:
    """Runs all side by side, each a step of type GATE; answers in their order. Raises only what the desk raises.

    `env` is all that they get beside their own; `secrets` are values in it to be hidden. `marker` is the attempt's id,
    `round` counts from 1 within the attempt, and `attempt` tells the rounds of several attempts apart.
    """
    halt = Halt(desk, halt_event)
    host = host or Host(path=search_path(os.environ.get("PATH", "")))
    heard: dict[UUID, _Heard] = {}
    bench = Bench(desk, host, halt, lambda step_id, line: heard[step_id].line(line))
    for value in secrets:
        bench.secrets.also(value)
    suffix = f"#{round}" if attempt == 1 else f"#{attempt}.{round}"
    work = _Round(desk, bench, halt, await asyncio.to_thread(cwd.resolve), env, suffix, round)
    with TemporaryDirectory(prefix="jt-checks-") as folder, ExitStack() as files:
        begun = []
        for i, check in enumerate(checks):
            listener = _Heard(files.enter_context(_written(Path(folder) / str(i))))
            begun.append(await work.begin(check, listener))
            heard[begun[-1].step_id] = listener
        # Each needs a marker of its own: the end of one kills all that carries its marker.
        await together([work.run(each, f"{marker}.{i}") for i, each in enumerate(begun, 1)])
    return [work.reports[check.name] for check in checks]


@dataclass(slots=True)
class _Round:
    """All checks of one round."""

    desk: Desk
    bench: Bench
    halt: Halt
    cwd: Path
    env: Mapping[str, str]
    suffix: str
    number: int
    reports: dict[str, Report] = data_field(default_factory=dict)

    async def begin(self, check: Check, heard: _Heard) -> _Begun:
        key, name = f"check {check.name}{self.suffix}", f"check {check.name}"
        begun = await self.desk.begin_step(key, name, Phase.VALIDATION, StepType.GATE)
        try:
            command: Command | Failure = self._prepare(check)
        except JobtrailError as error:
            text = self.bench.secrets.hide(f"check {check.name!r} could not be run: {error.message}")
            command = Failure(code=error.code, message=text)
        return _Begun(check, begun.step_id, command, heard)

    async def run(self, begun: _Begun, marker: str) -> None:
        if isinstance(begun.command, Failure):
            end = StepEnd(status=StepStatus.FAILED, failure=begun.command)
        else:
            end = await self.bench.run(_planned(begun.check), begun.command, begun.step_id, marker, self.halt.stop)
        self.halt.check()
        report = _report(begun, end, self.number)
        await self._keep_output(begun, report)
        status = StepStatus.COMPLETED if report.passed else StepStatus.FAILED
        await self.desk.finish_step(begun.step_id, status, end.as_json(), None if report.passed else report.summary)
        self.reports[report.name] = report

    def _prepare(self, check: Check) -> Command:
        cwd = self.cwd if check.cwd is None else self.cwd / check.cwd
        if not cwd.resolve().is_relative_to(self.cwd):
            raise Invalid(f"the folder {check.cwd!r} leads out of the folder where the agent works")
        own = {
            name: self.bench.secrets.value(secret) if (secret := _reference(value)) else str(value)
            for name, value in check.env.items()
        }
        return Command(
            argv=_argv(check), cwd=cwd, env={**self.env, **own}, patterns=check.artifacts, fence=self.cwd, role=REPORT
        )

    async def _keep_output(self, begun: _Begun, report: Report) -> None:
        """The whole output, as a file: the log can be searched, but this can be taken away."""
        file = begun.heard.file
        await asyncio.to_thread(file.close)
        path = Path(file.name)
        if not begun.heard.tail:
            return
        name = f"{report.name}.round-{self.number}.log"
        try:
            await self.desk.keep(name, path, REPORT, "text/plain", begun.step_id)
        except (JobtrailError, OSError) as error:
            text = f"the output of check {report.name!r} could not be kept: {error}"
            self.bench.note(text, _planned(begun.check), begun.step_id, LogLevel.WARN)


def continuation(reports: Sequence[Report]) -> str:
    """What to tell the agent that said it was done: which checks failed, how to run them, what they printed last."""
    failed = [report for report in reports if not report.passed]
    lines = [f"You said that the task is done, but it is not: {len(failed)} of {len(reports)} checks failed.", ""]
    room = PROMPT_CHARACTERS // max(len(failed), 1)
    for report in failed:
        lines += _in_full(report, min(room, TAIL_CHARACTERS))
    lines.append(_DEMAND.format(these="this check" if len(failed) == 1 else "these checks"))
    return "\n".join(lines)


def _in_full(report: Report, room: int) -> list[str]:
    """A failed check, with as much of the end of its output as there is room for."""
    kept: list[str] = []
    for line in reversed(report.tail):
        room -= len(line) + 1
        if room < 0:
            break
        kept.insert(0, line)
    text = "\n".join(kept)
    fence = "```"
    while fence in text:
        fence += "`"
    output = ["Its output ended with:", "", f"{fence}text", text, fence] if kept else ["It printed nothing."]
    return [f"## {report.name}: {report.summary}", "", f"Run it with: {report.command}", "", *output, ""]


def _report(begun: _Begun, end: StepEnd, number: int) -> Report:
    """What an end means. That a report could not be kept is in the log, and no reason for a passed check to fail."""
    failure = None if end.failure is not None and end.failure.code == "not_kept" else end.failure
    check = begun.check
    where = f"  (in {check.cwd})" if check.cwd else ""
    typed = as_typed(_argv(check)) if check.shell else shlex.join(_argv(check))
    seconds = duration.show(timedelta(milliseconds=round((end.duration_ms or 0) / 100) * 100))
    return Report(
        name=check.name,
        passed=failure is None,
        command=f"{typed}{where}",
        summary=f"passed in {seconds}" if failure is None else _summary(failure, check.name),
        exit_code=end.exit_code,
        code=None if failure is None else failure.code,
        tail=tuple(begun.heard.tail),
        round=number,
        duration_ms=end.duration_ms or 0,
        stopped=failure is not None and failure.stopped,
        used=end.used,
    )


def _summary(failure: Failure, name: str) -> str:
    return failure.message.splitlines()[0].removeprefix(f"step {f'check {name}'!r} ")


def _written(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", errors="replace")


def _reference(value: EnvValue) -> str | None:
    """The worker's variable that a value refers to; None: it is the value itself. Raises Invalid."""
    return parse_reference({"env": value.env} if isinstance(value, EnvReference) else value)


def _argv(check: Check) -> list[str]:
    return ["/bin/sh", "-c", check.run] if isinstance(check.run, str) else list(check.run)


def _planned(check: Check) -> Planned:
    """The check as a step of a pipeline, which has nothing to fill in."""
    return Planned(
        name=f"check {check.name}",
        phase=Phase.VALIDATION,
        type=StepType.GATE,
        argv=(),
        cwd=None,
        env={},
        stdin=None,
        timeout=duration.parse(check.timeout),
        idle_timeout=None,
        condition=None,
        tries=1,
        pause=timedelta(),
        artifacts=(),
        continue_on_error=False,
        output=None,
        remember=False,
        rerun_when_moved=False,
    )


def _wrong_name(name: str) -> str:
    try:
        jsonguard.check_name(name, "name")
    except Invalid as error:
        return error.fields["name"]
    if len(name.encode()) > MAX_NAME_BYTES or "/" in name or "#" in name:
        return f"must be at most {MAX_NAME_BYTES} bytes, without / and #: files are named after it"
    return ""


def _wrong_run(check: Check) -> str:
    if check.shell:
        return "" if isinstance(check.run, str) and check.run.strip() else "must be one text, for shell is true"
    if isinstance(check.run, str):
        return 'must be a list such as ["make", "test"]; for a text that a shell reads, set shell to true'
    return "" if check.run and check.run[0].strip() else "must name at least a program"


def _wrong_timeout(value: Span) -> str:
    try:
        return "" if duration.parse(value) else "must be longer than nothing"
    except Invalid as error:
        return error.message


def _wrong_cwd(cwd: str | None) -> str:
    if cwd is not None and (not cwd.strip() or cwd.startswith("/") or os.path.normpath(cwd).split("/")[0] == ".."):
        return "must be a folder in the one where the agent works"
    return ""


def _wrong_variable(name: str, value: EnvValue) -> str:
    if not name or "=" in name or "\0" in name:
        return "is not a name for a variable"
    if name.startswith("JOBTRAIL_"):
        return "names that begin with JOBTRAIL_ are ours"
    try:
        _reference(value)
    except Invalid as error:
        return error.message
    return ""
