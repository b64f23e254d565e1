"""How a job's code asks people: its words as the desk takes them, and what they decided as the code gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar

import msgspec

from jobtrail.core import approval, duration, jsonguard
from jobtrail.core.errors import GateExpired, Invalid
from jobtrail.core.outcome import Cancel
from jobtrail.runners.protocol import Decision

F = TypeVar("F")

_AT: Final = "form"


class How(TypedDict, total=False):
    """By whom and how a gate is decided.

    `approvers`: e-mails, `key:ID`, `role:ADMIN` (that role or a higher one), `group:editors`, or a group's plain name; left
    out: anyone who may decide. `needed`: how many of them must approve. `rejections`: the "first" one decides, or only one
    that makes enough approvals "unreachable". `expires`: after which time `on_expire` holds: "reject", "approve", "fail" or
    "cancel". `no_self_approval`: not by whoever enqueued the job. `comment`: "optional" or "required". `escalate`: after
    which time who else may decide.
    """

    approvers: str | Sequence[str]
    needed: int
    rejections: Literal["first", "unreachable"]
    expires: str | float | timedelta | None
    on_expire: Literal["reject", "approve", "fail", "cancel"]
    no_self_approval: bool
    comment: Literal["optional", "required"]
    escalate: tuple[str | float | timedelta, str | Sequence[str]] | None


@dataclass(frozen=True, slots=True)
class Answered(Generic[F]):
    """What people decided at a gate whose form is a type. `form`: what they filled in; None when they did not approve."""

    approved: bool
    by: tuple[str, ...]
    comment: str | None
    form: F
    expired: bool = False
    on_expire: str = "REJECT"


def read(form: Any, how: How) -> dict[str, Any]:
    """What the desk takes. Raises Invalid for what cannot be asked so."""
    approvers, expires = how.get("approvers", ()), how.get("expires")
    names = (approvers,) if isinstance(approvers, str) else tuple(approvers)
    needed = how.get("needed", 1)
    rules = approval.rules_of(
        no_self_approval=how.get("no_self_approval", False),
        comment=how.get("comment", "optional"),
        on_expire=how.get("on_expire", "reject"),
        rejections=how.get("rejections", "first"),
        escalate=how.get("escalate"),
    )
    unknown = set(how) - set(How.__annotations__)
    if unknown:
        raise TypeError(f"gate takes no {', '.join(sorted(unknown))}")
    approval.check(names, needed, rules)
    return {
        "approvers": names,
        "needed": needed,
        "form": None if form is None else jsonguard.encode(_schema(form), at=_AT).decode(),
        "expires": None if expires is None else duration.parse(expires),
        "rules": rules,
    }


def answered(question: str, decision: Decision, form: Any, *, must: bool) -> Any:
    """The decision as the code gets it. Raises Cancel, GateExpired, and Invalid when the form does not fit its type."""
    if not decision.approved:
        who = "nobody decided in time" if decision.expired else f"rejected by {', '.join(decision.by)}"
        said = f"{question}: {who}" + (f": {decision.comment}" if decision.comment else "")
        counts_as = decision.on_expire if decision.expired else approval.OnExpire.REJECT
        if counts_as == approval.OnExpire.FAIL:
            raise GateExpired(said)
        if must or counts_as == approval.OnExpire.CANCEL:
            raise Cancel(said)
    if form is None or isinstance(form, Mapping):
        return decision
    filled = None
    if decision.approved and not decision.expired:
        filled = _filled(question, form, {} if decision.form is None else decision.form)
    return Answered(decision.approved, decision.by, decision.comment, filled, decision.expired, decision.on_expire)


def _schema(form: Any) -> Any:
    if isinstance(form, Mapping):
        return dict(form)
    if hasattr(form, "model_json_schema"):
        return form.model_json_schema()
    try:
        return msgspec.json.schema(form)
    except TypeError as error:
        raise Invalid(
            f"a form is a JSON schema or a type that can be read: {error}", fields={_AT: str(error)}
        ) from error


def _filled(question: str, form: Any, value: Any) -> Any:
    try:
        if hasattr(form, "model_validate"):
            return form.model_validate(value)
        return msgspec.convert(value, form, strict=False)
    except ValueError as error:
        raise Invalid(f"{question}: what was filled in is no {form}: {error}", fields={_AT: str(error)}) from error
