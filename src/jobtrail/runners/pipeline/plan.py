"""From what people wrote to what is run: order, gates side by side, templates and conditions read, every mistake named."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from jobtrail.core import duration, jsonguard, redact, template
from jobtrail.core.errors import Invalid
from jobtrail.core.status import Phase, StepType
from jobtrail.core.template import Condition, Path, Template
from jobtrail.runners.pipeline.fields import Problems, below, suggestion
from jobtrail.runners.pipeline.model import EnvReference, EnvValue, Output, PipelineSpec, Span, StepRetry, StepSpec

CLEANUP_TIMEOUT = timedelta(seconds=60)
MAX_STEPS = 500
MAX_TRIES = 100

_NUMBERED = re.compile(r"#[0-9]+$")
_BAD_GLOB = re.compile(r"(?:^|/)(?:[^/]+\*\*|\*\*[^/]+)(?:/|$)")
_HOLE_IN_SHELL = re.compile(r"(?<![{$])\{(?:input|steps|job|attempt|workdir)(?:[.\[][^{}]*)?\}")
_FACTS: tuple[Path, ...] = (("job", "id"), ("job", "type"), ("attempt", "number"), ("workdir",))
_OF_A_STEP = ("status", "exit_code", "output")


@dataclass(frozen=True, slots=True)
class SecretName:
    """The worker's environment variable whose value a step gets."""

    name: str


Env = Mapping[str, Template | SecretName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One step, ready to run.

    `argv` is empty for a step that only keeps files. `timeout` and `idle_timeout` hold for each of its `tries`.
    `remember` False: it runs in every attempt. `rerun_when_moved`: it completed before, but not in this folder (the
    job came from another machine), so it is run again, for its files are not here.
    """

    name: str
    phase: Phase
    type: StepType
    argv: tuple[Template, ...]
    cwd: Template | None
    env: Env
    stdin: bytes | None
    timeout: timedelta | None
    idle_timeout: timedelta | None
    condition: Condition | None
    tries: int
    pause: timedelta
    artifacts: tuple[Template, ...]
    continue_on_error: bool
    output: Output | None
    remember: bool
    rerun_when_moved: bool


Block = tuple[Planned, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps in their order. Those of one block run side by side; only gates share one."""

    title: Template | None
    input: Mapping[str, object]
    blocks: tuple[Block, ...]
    uses: frozenset[str] = field(default_factory=frozenset)  # the names of input that templates and conditions ask for

    @property
    def steps(self) -> tuple[Planned, ...]:
        """Every step, in the order in which they run."""
        return tuple(step for block in self.blocks for step in block)


def plan(spec: PipelineSpec, steps: Sequence[StepSpec | None], problems: Problems, *, literal: bool = False) -> Plan:
    """Order and check. `steps` has None where one could not be read. Raises Invalid with all problems, given and found."""
    check = _Check(problems, spec.input, literal)
    check.names(spec, steps)
    env = check.env(spec.env, "env")
    title = check.title(spec.title)
    made: dict[int, Planned] = {}
    blocks = _blocks(steps)
    for block in blocks:
        for i in block:
            made[i] = _planned(check, env, steps[i], f"steps[{i}]")  # type: ignore[arg-type]  # blocks name no None
        check.before |= {made[i].name for i in block}
    if problems:
        raise refused("this pipeline cannot be run", problems)
    return Plan(
        title=title,
        input=spec.input,
        blocks=tuple(tuple(made[i] for i in block) for block in blocks),
        uses=frozenset(check.uses),
    )


def refused(what: str, problems: Problems) -> Invalid:
    """The error that names all of them, the first few also in its text."""
    some = "; ".join(f"{at}: {wrong}" for at, wrong in list(problems.items())[:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return Invalid(f"{what}: {some}{more}", fields=problems)


def _blocks(steps: Sequence[StepSpec | None]) -> list[list[int]]:
    """The numbers of the steps: by phase, in it as written, neighbouring gates together."""
    found: list[list[int]] = []
    for phase in Phase:
        here = [(i, step) for i, step in enumerate(steps) if step is not None and step.phase is phase]
        for are_gates, group in groupby(here, lambda pair: pair[1].type is StepType.GATE):
            numbers = [i for i, _ in group]
            found += [numbers] if are_gates else [[i] for i in numbers]
    return found


def _planned(check: _Check, env: Env, step: StepSpec, at: str) -> Planned:
    cleanup = step.phase is Phase.CLEANUP
    tries, pause = check.retry(step.retry, f"{at}.retry")
    moved = step.phase is Phase.SETUP or step.type is StepType.GATE
    timeout = check.span(step.timeout, f"{at}.timeout")
    return Planned(
        name=step.name,
        phase=step.phase,
        type=step.type,
        argv=check.run(step, at),
        cwd=check.cwd(step.cwd, f"{at}.cwd"),
        env={**env, **check.env(step.env, f"{at}.env")},
        stdin=None if step.stdin is None else step.stdin.encode("utf-8", "replace"),
        timeout=CLEANUP_TIMEOUT if cleanup and timeout is None else timeout,
        idle_timeout=check.span(step.idle_timeout, f"{at}.idle_timeout"),
        condition=check.condition(step.if_, f"{at}.if"),
        tries=tries,
        pause=pause,
        artifacts=check.globs(step, at),
        continue_on_error=step.continue_on_error,
        output=step.output,
        remember=step.remember and not cleanup,
        rerun_when_moved=moved if step.rerun_when_moved is None else step.rerun_when_moved,
    )


@dataclass(slots=True)
class _Check:
    """Reads the parts of steps one after the other, and notes what is wrong with them."""

    problems: Problems
    input: Mapping[str, object]
    literal: bool
    everyone: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)  # the steps that have ended when the one being read begins
    uses: set[str] = field(default_factory=set)

    def names(self, spec: PipelineSpec, steps: Sequence[StepSpec | None]) -> None:
        first: dict[str, int] = {}
        if not 1 <= len(steps) <= MAX_STEPS:
            self.problems["steps"] = f"there must be 1 to {MAX_STEPS} steps, not {len(steps)}"
        for i, step in enumerate(steps):
            at = f"steps[{i}].name"
            if step is None:
                raw = spec.steps[i].get("name") if isinstance(spec.steps[i], Mapping) else None
                self.everyone |= {raw} if isinstance(raw, str) else set()
                continue
            try:
                jsonguard.check_name(step.name, "name")
            except Invalid as error:
                self.problems[at] = error.fields["name"]
            if _NUMBERED.search(step.name):
                self.problems[at] = "must not end in # and a number: so we call a step that is run again"
            if first.setdefault(step.name, i) != i:
                self.problems[at] = f"steps[{first[step.name]}] has the same name {step.name!r}; steps are told by name"
        self.everyone |= first.keys()
        self.before |= self.everyone - first.keys()  # of these nothing is known, so they are no reason to complain

    def title(self, text: str | None) -> Template | None:
        if text is None:
            return None
        title = self.template(text, "title")
        if any(path[0] != "input" for path in title.paths):
            self.problems["title"] = "may only have holes such as {input.repo}: it is written before the job runs"
        return title

    def template(self, text: str, at: str) -> Template:
        if self.literal:
            return Template((text,) if text else ())
        try:
            read = template.parse_template(text)
        except Invalid as error:
            self.problems[at] = error.message
            return Template(())
        self._paths(read.paths, at)
        return read

    def condition(self, text: str | None, at: str) -> Condition | None:
        if text is None:
            return None
        try:
            read = template.parse_condition(text)
        except Invalid as error:
            self.problems[at] = error.message
            return None
        self._paths(read.paths, at)
        return read

    def run(self, step: StepSpec, at: str) -> tuple[Template, ...]:
        at = f"{at}.run"
        if step.run is None:
            if step.type is not StepType.ARTIFACT:
                self.problems[at] = f"is missing: a step of type {step.type} runs a command"
            return ()
        if step.shell:
            return self._shell(step.run, at)
        if isinstance(step.run, str):
            self.problems[at] = (
                'must be a list such as ["git", "status"]; for a text that a shell reads, set shell to true'
            )
            return ()
        if not step.run or not step.run[0].strip():
            self.problems[at] = "must name at least a program"
        return tuple(self.template(text, below(at, i)) for i, text in enumerate(step.run))

    def _shell(self, text: list[str] | str, at: str) -> tuple[Template, ...]:
        """A shell's text is never filled in: a value with a quote in it would become a command."""
        if not isinstance(text, str) or not text.strip():
            self.problems[at] = "must be one text, for shell is true"
            return ()
        if not self.literal and (hole := _HOLE_IN_SHELL.search(text)):
            self.problems[at] = (
                f"{hole[0]} is not filled in where a shell reads it: put it into env, as VALUE = {hole[0]!r}, "
                'and write "$VALUE" here'
            )
        return tuple(Template((word,)) for word in ("/bin/sh", "-c", text))

    def cwd(self, text: str | None, at: str) -> Template | None:
        if text is None:
            return None
        read = self.template(text, at)
        if not read.paths and not text.startswith("/") and os.path.normpath(text).split("/")[0] == "..":
            self.problems[at] = "leads out of the job's folder; write a path in it, or an absolute one"
        return read

    def env(self, env: Mapping[str, EnvValue], at: str) -> Env:
        found: dict[str, Template | SecretName] = {}
        for name, value in env.items():
            here = below(at, name)
            if not name or "=" in name or "\0" in name:
                self.problems[here] = "is not a name for a variable"
            elif name.startswith("JOBTRAIL_"):
                self.problems[here] = "names that begin with JOBTRAIL_ are ours"
            try:
                secret = redact.parse_reference({"env": value.env} if isinstance(value, EnvReference) else value)
            except Invalid as error:
                self.problems[here] = error.message
                continue
            found[name] = SecretName(secret) if secret else self.template(str(value), here)
        return found

    def globs(self, step: StepSpec, at: str) -> tuple[Template, ...]:
        if step.type is StepType.ARTIFACT and not step.artifacts:
            self.problems[f"{at}.artifacts"] = "a step of type ARTIFACT must name the files that it keeps"
        for i, text in enumerate(step.artifacts):
            if wrong := wrong_glob(text):
                self.problems[f"{at}.artifacts[{i}]"] = wrong
        return tuple(self.template(text, f"{at}.artifacts[{i}]") for i, text in enumerate(step.artifacts))

    def span(self, value: Span | None, at: str) -> timedelta | None:
        if value is None:
            return None
        try:
            length = duration.parse(value)
        except Invalid as error:
            self.problems[at] = error.message
            return None
        if not length:
            self.problems[at] = "must be longer than nothing"
        return length

    def retry(self, value: int | StepRetry | None, at: str) -> tuple[int, timedelta]:
        retry = StepRetry(max_attempts=1) if value is None else value
        retry = StepRetry(max_attempts=retry) if isinstance(retry, int) else retry
        if not 1 <= retry.max_attempts <= MAX_TRIES:
            self.problems[at] = f"how often to try in all must be 1 to {MAX_TRIES}, not {retry.max_attempts}"
        try:
            return retry.max_attempts, duration.parse(retry.delay)
        except Invalid as error:
            self.problems[f"{at}.delay"] = error.message
            return 1, timedelta()

    def _paths(self, paths: frozenset[Path], at: str) -> None:
        for path in sorted(paths):
            if path[0] == "input" and len(path) > 1:
                self.uses.add(path[1])
            if wrong := self._wrong(path):
                self.problems[at] = wrong

    def _wrong(self, path: Path) -> str:
        if path[0] == "input" and len(path) > 1 and path[1] not in self.input:
            return f"{{{'.'.join(path)}}}: {path[1]!r} was not given{suggestion(path[1], self.input)}"
        if path[0] == "input":
            try:
                template.render(Template((path,)), {"input": self.input})
            except Invalid as error:
                return error.message
            return ""
        if path[0] == "steps":
            return self._wrong_step(path)
        if path in _FACTS:
            return ""
        shown = ".".join(path)
        return f"{{{shown}}}: there is no such value{suggestion(shown, ['input', 'steps', *map('.'.join, _FACTS)])}"

    def _wrong_step(self, path: Path) -> str:
        if len(path) < 3:
            return "say what of which step, for example {steps.checkout.exit_code} or {steps['unit tests'].status}"
        if path[2] not in _OF_A_STEP:
            return f"{{{'.'.join(path)}}}: a step has no {path[2]!r}{suggestion(path[2], _OF_A_STEP)}"
        if path[1] in self.before:
            return ""
        if path[1] in self.everyone:
            return f"{{{'.'.join(path)}}}: step {path[1]!r} has not ended by then; it runs later or at the same time"
        return f"{{{'.'.join(path)}}}: there is no step {path[1]!r}{suggestion(path[1], self.everyone)}"


def wrong_glob(text: str) -> str:
    """What is wrong with a pattern for files; empty if nothing is."""
    if not text.strip() or text.startswith("/") or ".." in text.split("/") or "\0" in text:
        return "must be a path in the step's folder, without .., such as dist/*.whl"
    if _BAD_GLOB.search(text):
        return "** must stand alone between slashes, as in reports/**/*.xml"
    return ""
