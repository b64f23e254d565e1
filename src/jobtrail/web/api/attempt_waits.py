"""The route by which a worker lets its job sleep, or listen for a signal, in a step that remembers what it came to."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.status import Phase, StepStatus
from jobtrail.service import attempts, steps, waits
from jobtrail.service.attempts import Held
from jobtrail.service.waits import Stand, Wanted
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask
from jobtrail.web.api.attempts import Whose, held
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Time


class WaitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to wait for: a signal, a time from when it was first said, or a moment. `key` names the step (left out: `name`)."""

    name: Name
    key: Name | None = None
    phase: Phase = Phase.EXECUTION
    signal: Name | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=315_360_000)] | None = None
    until: Time | None = None


class WaitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`done` false: the attempt is over, the job waits, and a later attempt says the same again. `timed_out`: the signal did
    not come in time; else `payload` is what was said, if a signal was waited for."""

    done: bool
    step_id: UUID
    timed_out: bool = False
    payload: Any = None
    by: str | None = None


async def wait_in_step(call: Call, attempt_id: UUID, query: Whose, body: WaitBody) -> Reply[WaitAnswer]:
    """Sleep, or wait for a signal, in a step; or get what that came to. Waits of up to 2 s keep the attempt open."""
    name = jsonguard.check_name(body.name, "name")
    asked = name if body.key is None else jsonguard.check_name(body.key, "key")
    wanted = Wanted(signal=body.signal, seconds=body.seconds, until=body.until)
    wanted.check()

    def work(fence: Fence, held: Held) -> Steps[Stand]:
        known = yield from ask(attempts.remembered(fence.workspace_id, fence.job_id))
        key = waits.key_of(asked, held.generation, {step.key: step for step in known})
        return (yield from waits.begin(fence, new_id(), key, name, body.phase, wanted).begin())

    stand = await held(call, attempt_id, query, work)
    if stand.stop:
        raise StaleAttempt(f"attempt {attempt_id} is to stop: its job is cancelled; end it as cancelled")
    if stand.seconds is not None:
        await asyncio.sleep(stand.seconds)

        def over(fence: Fence, _: Held) -> Steps[None]:
            yield from ask(steps.finish(fence, stand.step_id, StepStatus.COMPLETED, output="null"))

        await held(call, attempt_id, query, over, stand.step_id)
    done = stand.output is not None or stand.seconds is not None
    told = msgspec.json.decode(stand.output or "null")
    said = told if isinstance(told, dict) else {}
    answer = WaitAnswer(
        done=done,
        step_id=stand.step_id,
        timed_out=waits.is_over(stand.output),
        payload=said.get("payload"),
        by=said.get("by"),
    )
    return Reply(answer, status=200 if done else 202)
