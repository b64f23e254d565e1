"""The course of one attempt: which session, one invocation after the other, checks, continuations, and what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from jobtrail.core.errors import JobtrailError, Unavailable
from jobtrail.core.outcome import Done, Fail, Outcome, Stopped, Wait
from jobtrail.core.status import AttemptStatus, LogLevel, LogSource, WaitReason
from jobtrail.runners.claude import checks
from jobtrail.runners.claude.answer import Tally
from jobtrail.runners.claude.argv import Extras, Session, argv
from jobtrail.runners.claude.changes import Changes, gather
from jobtrail.runners.claude.permission import ToolApprovals
from jobtrail.runners.claude.place import Place, prepare, resolved, write_private
from jobtrail.runners.claude.program import Programs
from jobtrail.runners.claude.purse import Purse
from jobtrail.runners.claude.spec import ClaudeSpec
from jobtrail.runners.claude.spend import Amounts
from jobtrail.runners.claude.told import COMPONENT
from jobtrail.runners.claude.tools import ToolSteps
from jobtrail.runners.claude.turn import Order, Turn, TurnEnd
from jobtrail.runners.claude.verdict import Kind, Verdict
from jobtrail.runners.claude.worktree import close_tree
from jobtrail.runners.context import Context
from jobtrail.runners.pipeline.environment import Secrets
from jobtrail.runners.pipeline.halt import Halt
from jobtrail.runners.pipeline.step import Host, plus
from jobtrail.runners.protocol import LogLine

IN_USE = timedelta(seconds=15)  # until a session that is in use may be free
CONTINUE = (
    "Your work on this task was interrupted. Look at what is done already, do not do it again, and go on until the task "
    "is complete."
)


@dataclass(frozen=True, slots=True)
class Next:
    """What the next invocation is: its session, its prompt, and whether that session is one that was there."""

    session: Session
    prompt: str


class Agent:
    """One attempt at a `claude` job."""

    def __init__(
        self, context: Context, spec: ClaudeSpec, *, host: Host, programs: Programs, environ: Mapping[str, str]
    ) -> None:
        self._context, self._desk, self._spec = context, context.desk, spec
        self._host, self._programs, self._environ = host, programs, environ
        self._halt = Halt(context.desk)
        self._secrets = Secrets(context.desk.secret)
        self._tools = ToolSteps(context.desk, self._secrets.hide)
        self._marker = str(context.assignment.attempt_id)
        self._round = 0
        self._place: Place
        self._purse: Purse
        self._approvals: ToolApprovals | None = None
        self._tally: Tally
        self._looked = False
        self._changed: Changes | None = None

    async def to_the_end(self) -> Outcome:
        """Run it. Raises Waits while people are asked, and Dropped when the attempt was lost."""
        async with self._halt.listening():
            try:
                first = await self._make_ready()
            except (JobtrailError, OSError) as error:
                self._halt.check()
                return self._not_ready(error)
            try:
                outcome = first if isinstance(first, Fail) else await self._rounds(first)
            except JobtrailError as error:
                outcome = self._not_ready(error)
            self._halt.check()
            return await self._tidied(outcome)

    def _not_ready(self, error: JobtrailError | OSError) -> Outcome:
        if self._halt.reason is not None:
            return Stopped()
        message = error.message if isinstance(error, JobtrailError) else str(error)
        code = error.code if isinstance(error, JobtrailError) else "not_ready"
        final = isinstance(error, JobtrailError) and not isinstance(error, Unavailable)
        return Fail(code, self._secrets.hide(message), final=final)

    async def _make_ready(self) -> Next | Fail:
        self._place = await prepare(
            self._context,
            self._spec,
            host=self._host,
            halt=self._halt,
            secrets=self._secrets,
            programs=self._programs,
            environ=self._environ,
        )
        self._purse = Purse(self._desk, self._spec.budget, self._place.private)
        await self._purse.open()
        self._tally = Tally(await self._desk.earlier(), hide=self._secrets.hide)
        if self._spec.approval is not None:
            resolved(self._spec.mcp_servers, self._secrets)  # hidden in questions from now on
            self._approvals = ToolApprovals(
                self._desk,
                self._spec.approval,
                folder=self._place.private,
                generation=self._context.assignment.generation,
                hide=self._secrets.hide,
            )
            await self._approvals.settle()
        return await self._first()

    async def _first(self) -> Next | Fail:
        """The session that an earlier attempt had, or the one that the job names, or a new one."""
        earlier, home, cwd = self._tally.before.session_id, self._place.home, self._place.cwd
        if earlier is not None:
            if await asyncio.to_thread(home.bring, earlier, cwd):
                self._note(f"session {earlier} of an earlier attempt goes on")
                return Next(Session(id=earlier, resume=earlier), self._news() or self._go_on)
            anew = ": a new one begins with the task" if self._spec.resume is None else ""
            self._note(f"session {earlier} of an earlier attempt is not on this machine{anew}", LogLevel.WARN)
        if self._spec.resume is not None:
            if not await asyncio.to_thread(home.bring, self._spec.resume, cwd):
                text = (
                    f"session {self._spec.resume} is not on this machine, so it cannot go on here: leave `resume` out "
                    "to begin anew, or run this job on the worker that had it"
                )
                return Fail("resume_unknown", text, final=True)
            id = str(uuid4()) if self._spec.fork else self._spec.resume
            return Next(Session(id=id, resume=self._spec.resume), self._spec.prompt)
        return self._fresh()

    @property
    def _go_on(self) -> str:
        """In a session of another job the task may have been lost with the attempt that was to say it."""
        return CONTINUE if self._spec.resume is None else f"{CONTINUE}\n\nThe task is:\n\n{self._spec.prompt}"

    def _fresh(self) -> Next:
        return Next(Session(id=str(uuid4())), self._spec.prompt)

    def _news(self) -> str | None:
        return self._approvals.approved_prompt() if self._approvals is not None else None

    def _resumed(self, prompt: str | None = None) -> Next:
        """The same session once more."""
        return Next(Session(id=self._tally.session, resume=self._tally.session), prompt or self._news() or self._go_on)

    async def _rounds(self, what: Next) -> Outcome:
        """One invocation after the other, until there is an outcome."""
        fell_back = False
        while True:
            if (failed := await self._purse.settle()) is not None:
                return await self._failed(failed)
            end = await self._invoke(what)
            verdict = end.verdict
            match verdict.kind:
                case Kind.STOPPED:
                    return Stopped(self._tally.used)
                case Kind.WAIT:
                    return self._wait(verdict)
                case Kind.FRESH if self._spec.resume is None and what.session.resume is not None and not fell_back:
                    fell_back = True
                    self._note(f"{verdict.message}: a new session begins with the task", LogLevel.WARN)
                    what = self._fresh()
                case Kind.PEOPLE if self._approvals is not None:
                    await self._approvals.ask()
                    what = self._resumed()
                case Kind.DONE:
                    prompt = await self._checked()
                    if prompt is None or isinstance(prompt, Done | Fail | Stopped):
                        return prompt or await self._done()
                    what = self._resumed(prompt)
                case _:
                    failed = self._fail(verdict)
                    if self._is_the_budgets(verdict, (await self._purse.left()).turns):
                        failed = await self._purse.settle(exceeded=True)
                    if failed is not None:
                        return await self._failed(failed)
                    what = self._resumed()  # people gave more

    def _is_the_budgets(self, verdict: Verdict, turns: int | None) -> bool:
        """Whether a limit that was met was that of the budget, of which so many turns are left, and not the spec's own."""
        if verdict.code == "budget_exceeded" and self._purse.is_held:
            return True
        if self._spec.budget is None or verdict.code not in ("budget_exceeded", "max_turns"):
            return False
        own = self._spec.max_turns
        return verdict.code == "budget_exceeded" or (turns is not None and (turns == 0 or own is None))

    async def _invoke(self, what: Next) -> TurnEnd:
        """Run the program once, with what is left of the budget."""
        self._round += 1
        spec, place, approvals = self._spec, self._place, self._approvals
        left = await self._purse.left()
        async with AsyncExitStack() as stack:
            extras = await self._extras(stack, left)
            order = Order(
                argv=argv(place.program, spec, what.session, extras),
                env=place.env,
                cwd=place.cwd,
                prompt=what.prompt,
                session=what.session.id,
                name=f"agent turn {self._round}",
                key=f"agent turn {self._context.attempt}.{self._round}",
                marker=f"{self._marker}.{self._round}",
                wants_structured=spec.json_schema is not None,
                idle=spec.idle,
                grace=spec.grace,
                max_turns=min((n for n in (spec.max_turns, left.turns) if n is not None), default=None),
                tokens=left.tokens,
                seconds=left.seconds,
                people=approvals.wanted if approvals else None,
            )
            end = await Turn(self._desk, self._host, self._halt, self._secrets, self._tools, order).to_the_end()
        self._tally.add(end)
        await self._purse.count(end.turns)
        if approvals is not None and end.result is not None:
            await approvals.heard()
        return end

    async def _extras(self, stack: AsyncExitStack, left: Amounts) -> Extras:
        """What the program gets beside its spec; files that may hold secrets go when the stack is left."""
        spec, approvals = self._spec, self._approvals
        servers = resolved(spec.mcp_servers, self._secrets)
        if approvals is not None:
            await stack.enter_async_context(approvals)
            servers = {**servers, **approvals.mcp_servers}

        async def file(name: str, content: object) -> Path:
            path = self._place.private / name
            stack.callback(path.unlink, missing_ok=True)
            return write_private(path, content)  # here, for a thread would go on, and leave it, if we were cancelled

        return Extras(
            mcp_config=await file("mcp.json", {"mcpServers": servers}) if servers else None,
            settings=await file("settings.json", spec.settings) if spec.settings is not None else None,
            prompt_tool=approvals.tool if approvals is not None else None,
            usd=left.usd,
            turns=left.turns,
        )

    async def _checked(self) -> str | Fail | Stopped | None:
        """The checks: None if all pass, what to tell the agent if not, or the end."""
        spec, tally = self._spec, self._tally
        if not spec.checks:
            return None
        reports = await checks.run_checks(
            spec.checks,
            cwd=self._place.cwd,
            env=self._place.check_env,
            desk=self._desk,
            halt_event=self._halt.stop,
            marker=self._marker,
            round=tally.continuations + 1,
            attempt=self._context.attempt,
            host=self._host,
            secrets=self._secrets.values,
        )
        self._halt.check()
        tally.reports = reports
        for report in reports:
            tally.used = plus(tally.used, report.used)
        if any(report.stopped for report in reports):
            return Stopped(tally.used)
        failed = [report for report in reports if not report.passed]
        if not failed:
            return None
        if tally.continuations >= spec.max_continuations:
            names = ", ".join(f"{report.name}: {report.summary}" for report in failed)
            text = f"{len(failed)} of {len(reports)} checks failed after {tally.continuations} continuations: {names}"
            return await self._failed(Fail("gate_failed", text, final=True))
        tally.continuations += 1
        self._note(f"{len(failed)} of {len(reports)} checks failed; the agent is sent back to mend them")
        return checks.continuation(reports)

    def _wait(self, verdict: Verdict) -> Wait:
        reset = verdict.reset_at.isoformat() if verdict.reset_at is not None else None
        note = {"reset_at": reset, "session_id": self._tally.session}
        return Wait(WaitReason.QUOTA, verdict.delay, self._secrets.hide(verdict.message), note, self._tally.used)

    def _fail(self, verdict: Verdict) -> Fail:
        return Fail(
            verdict.code,
            self._secrets.hide(verdict.message),
            retry_in=IN_USE if verdict.code == "session_in_use" else verdict.delay,
            final=verdict.final,
            status=AttemptStatus.TIMED_OUT if verdict.timed_out else AttemptStatus.FAILED,
        )

    async def _failed(self, fail: Fail) -> Fail:
        """The failure with all that is known."""
        changes = await self._changes()
        output = self._tally.output(self._purse.turns, await self._purse.told(), changes)
        return replace(fail, output=output, used=self._tally.used)

    async def _done(self) -> Done:
        if (long := self._tally.too_long) is not None:
            text = await asyncio.to_thread(self._secrets.hide, long)
            await self._desk.keep("answer.txt", text.encode(), "output", "text/plain", None)
        changes = await self._changes()
        return self._tally.done(self._tally.output(self._purse.turns, await self._purse.told(), changes))

    async def _changes(self) -> Changes | None:
        """What was changed in the worktree. It is looked at once, for nothing works there any more."""
        tree = self._place.tree
        if tree is not None and not self._looked:
            self._looked = True
            self._changed = await gather(tree, desk=self._desk, host=self._host, marker=self._marker)
        return self._changed

    async def _tidied(self, outcome: Outcome) -> Outcome:
        """Keep the transcript, and remove the worktree if the job is over."""
        place, reason = self._place, self._halt.reason
        if reason != "shutdown" and self._tally.session:
            try:
                held = await asyncio.to_thread(place.home.holds, self._tally.session, place.cwd)
                if held is not None:
                    text = await asyncio.to_thread(self._secrets.hide, held.decode("utf-8", "replace"))
                    name = f"{self._tally.session}.jsonl"
                    await self._desk.keep(name, text.encode(), "session", "application/x-ndjson", None)
            except (JobtrailError, OSError) as error:
                self._note(f"the transcript is not kept: {error}", LogLevel.WARN)
        over = isinstance(outcome, Done) or (isinstance(outcome, Fail) and outcome.final) or reason == "cancelled"
        if isinstance(outcome, Stopped) and reason != "shutdown":
            await self._changes()
        if place.tree is not None and over:
            succeeded = isinstance(outcome, Done)
            await close_tree(place.tree, succeeded=succeeded, desk=self._desk, host=self._host, marker=self._marker)
        return outcome

    def _note(self, text: str, level: LogLevel = LogLevel.INFO) -> None:
        self._desk.log(LogLine(self._secrets.hide(text), level, LogSource.SYSTEM, COMPONENT))
