"""One attempt at one render: handed in or found again, followed through its states, and ended by what was really seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from jobtrail.core import duration
from jobtrail.core.errors import Denied, JobtrailError
from jobtrail.core.model import Asset
from jobtrail.core.nexrender import ERROR, FINISHED, OVER, QUEUED
from jobtrail.core.outcome import Cancel, Done, Fail, Outcome, Stopped
from jobtrail.core.status import LogLevel, Phase, ResultStatus, StepStatus, StepType
from jobtrail.runners.context import Context
from jobtrail.runners.nexrender import output, spec, track
from jobtrail.runners.nexrender.output import Found, NoOutput
from jobtrail.runners.nexrender.rules import Allowed
from jobtrail.runners.nexrender.spec import Order
from jobtrail.runners.nexrender.talk import Away, Talk, Told
from jobtrail.runners.nexrender.track import Part, Seen, Track
from jobtrail.runners.nexrender.wire import Refused, Server, Summary

LAST_WORDS_SECONDS: Final = 5.0
"""So long may a server take to hear that a render is not wanted any more: less than the grace of a worker."""

CANCELLED: Final = "cancelled"
SHUTDOWN: Final = "shutdown"


@dataclass(slots=True)
class Course:
    """The attempt. `number` counts the renders of the job; `patience` is how long an output may take to appear."""

    context: Context
    order: Order
    server: Server
    allowed: Allowed
    talk: Talk
    number: int
    earlier_seconds: float
    patience: timedelta
    track: Track = Track()
    handed_in_again: bool = False
    late_said: bool = False
    steps: dict[str, Any] = field(default_factory=dict)
    rounds: int = 0
    began_at: float = 0.0
    before: str | None = None
    noted: bool = False

    @property
    def uid(self) -> str:
        """What the render is called at its server."""
        return self.talk.uid

    async def to_the_end(self) -> Outcome:
        """The whole attempt."""
        self.began_at = self.talk.now()
        try:
            async with self.talk:
                await self._hand_in()
                return await self._follow()
        except Told:
            return await self._stopped(self.context.desk.stop_reason or SHUTDOWN)
        except Refused as error:
            return await self._gives_up("document_refused", error.message, final=True)
        except Denied as error:
            return Fail("server_denied", error.message, final=True)
        except Away as error:
            message = f"the render server was away for {duration.show(self.order.stall_after)}: {error}"
            return Fail("server_unreachable", f"{message}; the next attempt looks for the same render")

    async def _hand_in(self) -> None:
        """Hands the render in, unless its server has it. What was there before at the output's place is noted first."""
        desk = self.context.desk
        await desk.identify(session_id=self.uid)
        key = f"{self.number}: hand in"
        begun = await desk.begin_step(key, "hand in", Phase.SETUP, StepType.COMMAND)
        if begun.done:
            self.talk.say(f"goes on with render {self.uid}, which an earlier attempt handed in")
            return
        found = await self.talk.find()
        if found is None:
            await self._send()
        note = {"uid": self.uid, "server": self.server.url, "found": found is not None}
        await desk.finish_step(begun.step_id, StepStatus.COMPLETED, _json(note), None)
        self.talk.say(f"render {self.uid} {'was' if found else 'is'} handed in at {self.server.url}")

    async def _send(self) -> None:
        """Hands the document in. An attempt that has lost its lease does not come so far: the desk is told first."""
        document, stripped = spec.sent(self.order.document, self.uid)
        if stripped:
            names = ", ".join(stripped)
            self.talk.say(f"left out of the document, as functions cannot be sent: {names}", LogLevel.WARN)
        await self._before()
        await self.context.desk.identify(session_id=self.uid)
        await self.talk.hand_in(document, doubtful=self.context.attempt > 1)

    async def _before(self) -> str | None:
        """What was at the output's place before the render, remembered over attempts; None: nothing, or it is a URL."""
        path = self._output_path()
        if path is None or self.noted:
            return self.before
        desk = self.context.desk
        begun = await desk.begin_step(
            f"{self.number}: before", "look at the output's place", Phase.SETUP, StepType.COMMAND
        )
        if begun.done:
            self.before = msgspec.json.decode(begun.output or "null", type=str | None)
        else:
            self.before = await asyncio.to_thread(output.fingerprint, path, self.allowed.roots)
            await desk.finish_step(begun.step_id, StepStatus.COMPLETED, _json(self.before), None)
        self.noted = True
        return self.before

    async def _follow(self) -> Outcome:
        """Polls until the render is over, or nobody can say that it still moves."""
        while True:
            found = await self.talk.find()
            if found is None:
                if self.handed_in_again:
                    message = f"{self.server.url} does not know render {self.uid}, which was handed in twice"
                    return await self._gives_up("render_lost", message)
                self.handed_in_again = True
                self.talk.say("the server has lost the render; it is handed in once more", LogLevel.WARN)
                await self._send()
                continue
            await self._show(track.look(self.track, found, self.talk.now()), found)
            if found.state == FINISHED:
                return await self._verify(found)
            if found.state == ERROR:
                said = found.error or "the node says nothing about it"
                return await self._gives_up("render_failed", f"the render failed: {said}")
            if track.stalled(self.track, self.talk.now(), self.order.stall_after.total_seconds()):
                since = duration.show(self.order.stall_after)
                message = f"the render stands still since {since}: {found.state}{_at(found)}"
                return await self._gives_up("stalled", message)
            if self._too_late():
                why = f"cancelled by its own cancel_after of {duration.show(self.order.cancel_after or timedelta(0))}"
                return Cancel(f"{why}; {await self._let_go('cancel_after')}")
            await self.talk.pause()

    def _too_late(self) -> bool:
        spent = self.earlier_seconds + self.talk.now() - self.began_at
        estimate = self.order.estimated_seconds
        if estimate and spent > estimate and not self.late_said:
            self.late_said = True
            self.talk.say(f"takes longer than the estimated {estimate:g} s", LogLevel.WARN)
        return self.order.cancel_after is not None and spent >= self.order.cancel_after.total_seconds()

    async def _show(self, seen: Seen, found: Summary) -> None:
        """Tells what a look has seen: log, steps, progress."""
        if seen.changed:
            self.talk.say(f"{found.state}{_at(found)}", state=found.state)
        if seen.new_error is not None:
            self.talk.say(f"the node reports an error and goes on: {seen.new_error}", LogLevel.WARN)
        if seen.put_back:
            self.talk.say("its node has put the render back into the queue", LogLevel.WARN)
            await self._end_step(track.PARTS[self.track.at], found, "put back into the queue")
            self.rounds += 1
        for part in seen.left:
            if part.key in self.steps or track.span_of(part, found).began is not None:
                await self._begin_step(part)
                await self._end_step(part, found, None)
        if seen.broke is not None:
            await self._begin_step(seen.broke)
            await self._end_step(seen.broke, found, found.error or "the render failed")
        if seen.entered is not None:
            await self._begin_step(seen.entered)
        elif seen.put_back:
            await self._begin_step(track.WAIT)
        self.track = seen.track
        self.context.progress(seen.track.percent, seen.stage)

    async def _begin_step(self, part: Part) -> None:
        if part.key in self.steps:
            return
        again = f" #{self.rounds + 1}" if self.rounds else ""
        begun = await self.context.desk.begin_step(
            f"{self.number}: {part.key}{again}", part.name, part.phase, StepType.COMMAND
        )
        self.steps[part.key] = None if begun.done else begun.step_id

    async def _end_step(self, part: Part, found: Summary, error: str | None) -> None:
        step_id = self.steps.pop(part.key, None)
        if step_id is None:
            return
        span = track.span_of(part, found)
        note = {"began_at": _iso(span.began), "ended_at": _iso(span.ended), "seconds": span.seconds, "node": found.node}
        status = StepStatus.COMPLETED if error is None else StepStatus.FAILED
        await self.context.desk.finish_step(step_id, status, _json(note) if error is None else None, error)

    async def _verify(self, found: Summary) -> Outcome:
        """The node says that it has finished: now its output must be there."""
        took = track.whole_span(found).seconds
        if took is not None:
            self.context.metric("render_seconds", took, "s")
        if self.order.output is None:
            why = "the server says that it finished; the job names no output, so nothing of it was verified"
            return Done(self._result(found, None), ResultStatus.PARTIAL, why)
        desk = self.context.desk
        key = f"{self.number}: output"
        begun = await desk.begin_step(key, "verify and keep the output", Phase.VALIDATION, StepType.ARTIFACT)
        if begun.done:
            kept = msgspec.json.decode(begun.output or "null")
        else:
            try:
                asset = await self._keep(begun.step_id)
            except NoOutput as error:
                await desk.finish_step(begun.step_id, StepStatus.FAILED, None, error.message)
                message = f"the server says that it finished, but there is no output: {error.message}"
                return await self._gives_up("output_missing", message)
            kept = _described(asset)
            await desk.finish_step(begun.step_id, StepStatus.COMPLETED, _json(kept), None)
        self.context.progress(100, "done")
        size = f"{kept['name']}, {kept['byte_size']} bytes"
        summary = f"{size} in {took:g} s" if took is not None else size
        return Done(self._result(found, kept), summary=summary)

    async def _keep(self, step_id: Any) -> Asset:
        """Looks for the output until it is there, and keeps it. Raises NoOutput, Told."""
        before = await self._before()
        since = self.talk.now()
        while True:
            try:
                there = await self._look_for_output(before)
                pieces = self._heard(there)
                return await self.context.desk.keep(there.name, pieces, "output", there.media_type, step_id)
            except NoOutput as error:
                if not error.later or self.talk.now() - since >= self.patience.total_seconds():
                    raise
            await self.talk.pause()

    async def _look_for_output(self, before: str | None) -> Found:
        path = self._output_path()
        if path is not None:
            return await output.at_path(path, self.allowed.roots, before)
        url = spec.filled(self.order.output, self.uid)
        return await output.at_url(url, self.server.send, self.allowed.outgoing)

    async def _heard(self, found: Found) -> Any:
        """The pieces of a file, until the job is to stop."""
        async for piece in found.pieces:
            self.talk.hear()
            self.context.desk.alive()
            yield piece

    def _output_path(self) -> str | None:
        where = self.order.output
        if where is None or "://" in where:
            return None
        return str(spec.filled(where, self.uid))

    async def _gives_up(self, code: str, message: str, *, final: bool = False) -> Fail:
        """Ends the attempt, and with it this render: the next attempt hands in a new one."""
        if code in ("stalled", "render_lost"):
            message = f"{message}; {await self._let_go(code)}"
        else:
            await self.context.desk.identify(session_id=spec.let_go(self.uid, code))
        return Fail(code, message, final=final)

    async def _stopped(self, reason: str) -> Outcome:
        """Told to stop: says what becomes of the render, which nobody can stop once a node has it."""
        if reason == SHUTDOWN:
            return Stopped()
        if reason == CANCELLED:
            return Cancel(await self._let_go(CANCELLED))
        said, over = await self._last_words()
        if over:
            await self.context.desk.identify(session_id=spec.let_go(self.uid, reason))
        self.talk.say(said if over else f"{said}, unless another attempt follows it further", LogLevel.WARN)
        return Stopped()

    async def _let_go(self, why: str) -> str:
        """Takes the render out if no node has it, and says in words what became of it. Nobody follows it any more."""
        said, _ = await self._last_words()
        self.talk.say(said, LogLevel.WARN)
        await self.context.desk.identify(session_id=spec.let_go(self.uid, why))
        return said

    async def _last_words(self) -> tuple[str, bool]:
        """What became of the render, and whether it is over for sure."""
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                return await self._unqueue()
        except TimeoutError:
            why = "no answer in time"
        except JobtrailError as error:
            why = error.message
        return f"the server could not be asked ({why}): the render may go on, and its output is discarded", False

    async def _unqueue(self) -> tuple[str, bool]:
        """Removes the render while it is queued; then, or otherwise, says how it stands. Raises JobtrailError."""
        found = await self.server.find(self.uid)
        removed = False
        for _ in range(3):
            if found is None or found.state != QUEUED:
                break
            await self.server.remove(self.uid)
            removed, found = True, await self.server.find(self.uid)
        if found is None:
            said = "the render was removed before a node took it" if removed else "the server has no such render"
            return said, True
        if found.state in OVER:
            return f"the render had ended before ({found.state}); its output is discarded", False
        said = f"nexrender cannot stop a render that a node has: it goes on{_at(found)} ({found.state})"
        return f"{said}, and its output is discarded", False

    def _result(self, found: Summary, kept: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the job answers."""
        waited = track.span_of(track.WAIT, found).seconds
        return {
            "uid": self.uid,
            "server": self.server.url,
            "node": found.node,
            "output": kept,
            "renders": self.number,
            "estimated_seconds": self.order.estimated_seconds,
            "actual_seconds": track.whole_span(found).seconds,
            "queue_seconds": waited,
            "timings": {name: _iso(at) for name, at in found.timings.items()},
        }


def _described(asset: Asset) -> dict[str, Any]:
    return {
        "asset_id": str(asset.id),
        "name": asset.name,
        "media_type": asset.media_type,
        "byte_size": asset.byte_size,
        "sha256": asset.sha256,
    }


def _at(found: Summary) -> str:
    return f" at {found.node}" if found.node else ""


def _iso(at: float | None) -> str | None:
    """A time of a node, which may be any number; None: it is no time."""
    try:
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
