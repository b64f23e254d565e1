"""Routes by which a worker tells of the steps of its attempt, and asks people at gates. A step that completed is remembered."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import approval, jsonguard
from jobtrail.core.approval import OnExpire, Rejections, Rules
from jobtrail.core.errors import Conflict, Invalid
from jobtrail.core.fence import Fence
from jobtrail.core.model import Remembered
from jobtrail.core.status import GateStatus, Phase, StepStatus, StepType
from jobtrail.runners.decisions import decided, gate_key
from jobtrail.runners.protocol import Decision
from jobtrail.service import attempts, gates, steps
from jobtrail.service.attempts import Held
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask
from jobtrail.web import lenient
from jobtrail.web.api.attempts import MESSAGE_BYTES, Tokens, Usd, Whose, held, redact, usd
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name


class StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that begins. `key` names it within the job (left out: its name)."""

    name: Name
    key: Name | None = None
    phase: Phase = Phase.EXECUTION
    type: StepType = StepType.COMMAND


class BegunStep(msgspec.Struct, frozen=True):
    """`completed`: it was done before and need not run again; this is its output."""

    step_id: UUID
    completed: bool
    output: Any = None


class StepEnd(StrEnum):
    """How a step can end by itself."""

    COMPLETED = StepStatus.COMPLETED.value
    FAILED = StepStatus.FAILED.value


class StepEndBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a step ended. Its output is remembered for later attempts."""

    status: StepEnd = StepEnd.COMPLETED
    output: Any = None
    error: str | None = None
    tokens_input: Tokens = 0
    tokens_output: Tokens = 0
    cost_usd: Usd | None = None


class GateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question to people. `form`: the JSON schema of what an approval must carry. `escalate_to`: who may decide as well
    once nobody has for so long."""

    question: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
    key: Name | None = None
    phase: Phase = Phase.EXECUTION
    approvers: Annotated[list[Name], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)
    needed: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    form: dict[str, Any] | None = None
    expires_in_seconds: Annotated[float, msgspec.Meta(gt=0, le=31_536_000)] | None = None
    on_expire: OnExpire = OnExpire.REJECT
    rejections: Rejections = Rejections.FIRST
    no_self_approval: bool = False
    comment_required: bool = False
    escalate_to: Annotated[list[Name], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)
    escalate_after_seconds: Annotated[float, msgspec.Meta(gt=0, le=31_536_000)] | None = None

    @property
    def rules(self) -> Rules:
        """How it is to be decided, beyond by whom and by how many."""
        after = self.escalate_after_seconds
        return Rules(
            no_self_approval=self.no_self_approval,
            comment_required=self.comment_required,
            on_expire=self.on_expire,
            rejections=self.rejections,
            escalate_to=tuple(self.escalate_to),
            escalate_after=None if after is None else timedelta(seconds=after),
        )


class GateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`decided` false: the attempt is over, the job waits for people, and a later attempt asks here again. `on_expire`: what
    their silence counts as, if `expired`: with FAIL and CANCEL the worker ends the attempt so."""

    decided: bool
    gate_id: UUID | None = None
    approved: bool = False
    expired: bool = False
    on_expire: OnExpire = OnExpire.REJECT
    by: list[str] = []
    comment: str | None = None
    form: Any = None


async def begin_step(call: Call, attempt_id: UUID, query: Whose, body: StepBody) -> BegunStep:
    """Begin a step, or get what it answered when it completed before."""
    name = jsonguard.check_name(body.name, "name")
    key = name if body.key is None else jsonguard.check_name(body.key, "key")

    def work(fence: Fence, _: Held) -> Steps[BegunStep]:
        begun = yield from ask(steps.begin(fence, new_id(), key, name, body.phase, body.type))
        if isinstance(begun, UUID):
            return BegunStep(begun, False)
        known = yield from _remembered(fence)
        return BegunStep(known[key].step_id, True, _raw(known[key].output))

    return await held(call, attempt_id, query, work)


async def finish_step(call: Call, attempt_id: UUID, step_id: UUID, query: Whose) -> None:
    """End a step. What it made is durable when this answers."""
    body = await lenient.told(call, StepEndBody)
    output = None if body.output is None else lenient.output_of(body.output)
    error = None if body.error is None else redact(jsonguard.clean_text(body.error, max_bytes=MESSAGE_BYTES))
    status, cost = StepStatus(body.status), usd(body.cost_usd)

    def work(fence: Fence, _: Held) -> Steps[None]:
        done = yield from ask(
            steps.finish(fence, step_id, status, output=output, error=error, tokens_input=body.tokens_input,
                         tokens_output=body.tokens_output, cost_usd=cost)
        )  # fmt: skip
        if done is None:
            known = yield from _remembered(fence)
            stands = next(step.status for step in known.values() if step.step_id == step_id)
            if stands != status:
                raise Conflict(f"step {step_id} of job {fence.job_id} is {stands} already")

    await held(call, attempt_id, query, work, step_id)


async def ask_people(call: Call, attempt_id: UUID, query: Whose, body: GateBody) -> Reply[GateAnswer]:
    """Ask people, or get what they decided.

    Without a decision yet the job waits for it without a slot: the attempt is over, and nothing more may be told of it.
    """
    name = jsonguard.check_name(jsonguard.clean_text(" ".join(body.question.split()), max_bytes=255), "question")
    asked = name if body.key is None else jsonguard.check_name(body.key, "key")
    form = None if body.form is None else jsonguard.encode(body.form, at="form").decode()
    approvers = tuple(jsonguard.check_name(one, "approvers") for one in body.approvers)
    expires = None if body.expires_in_seconds is None else timedelta(seconds=body.expires_in_seconds)
    rules = body.rules
    approval.check(approvers, body.needed, rules)

    def work(fence: Fence, held: Held) -> Steps[GateAnswer]:
        known = yield from _remembered(fence)
        key = gate_key(asked, held.generation, known)
        gate = known.get(key)
        settled = gate is not None and gate.gate_status not in (None, GateStatus.WAITING)
        begun = yield from ask(
            steps.begin(fence, new_id() if gate is None else gate.step_id, key, name, body.phase, StepType.GATE)
        )
        if gate is not None and settled:
            decision = decided(gate)
            if isinstance(begun, UUID):
                yield from _passed(fence, begun, decision)
            return _answer(decision)
        if not isinstance(begun, UUID):
            raise Invalid(f"step {key!r} has completed and was no question; give the gate another key")
        gate_id = yield from gates.request(
            fence,
            begun,
            new_id(),
            body.question,
            approvers=approvers,
            needed=body.needed,
            form=form,
            expires=expires,
            rules=rules,
        ).begin()
        return GateAnswer(decided=False, gate_id=gate_id)

    answer = await held(call, attempt_id, query, work)
    return Reply(answer, status=200 if answer.decided else 202)


def _answer(decision: Decision) -> GateAnswer:
    return GateAnswer(
        decided=True,
        approved=decision.approved,
        expired=decision.expired,
        on_expire=OnExpire(decision.on_expire),
        by=list(decision.by),
        comment=decision.comment,
        form=decision.form,
    )


def _remembered(fence: Fence) -> Steps[dict[str, Remembered]]:
    known = yield from ask(attempts.remembered(fence.workspace_id, fence.job_id))
    return {step.key: step for step in known}


def _passed(fence: Fence, step_id: UUID, decision: Decision) -> Steps[None]:
    """Closes the gate's step with what was decided."""
    output = msgspec.json.encode({"approved": decision.approved, "by": decision.by}).decode()
    status = StepStatus.COMPLETED if decision.approved else StepStatus.FAILED
    yield from ask(steps.finish(fence, step_id, status, output=output))


def _raw(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())
