"""What people decided at gates, as a later attempt remembers it: which of a gate's steps counts, and what was said there."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from jobtrail.core.approval import OnExpire
from jobtrail.core.model import Remembered
from jobtrail.core.status import GateStatus
from jobtrail.runners.protocol import Decision


def gate_key(key: str, generation: int, remembered: Mapping[str, Remembered]) -> str:
    """An approval holds for good. What was refused holds until an actor retries the job; then it is asked anew."""
    keys = [key, *(f"{key}@{later}" for later in range(2, generation + 1))]
    known = ((each, remembered.get(each)) for each in keys)
    approved = (each for each, gate in known if gate is not None and _is_approved(gate))
    return next(approved, keys[-1])


def decided(known: Remembered) -> Decision:
    """The decision at a gate that waits no longer."""
    made = msgspec.json.decode(known.decisions) if known.decisions else []
    last = made[-1] if made else {}
    return Decision(
        approved=_is_approved(known),
        by=tuple(one["actor"] for one in made),
        comment=last.get("comment"),
        form=last.get("form"),
        expired=known.gate_status == GateStatus.EXPIRED,
        on_expire=known.on_expire or OnExpire.REJECT,
    )


def _is_approved(known: Remembered) -> bool:
    """Whether people approved, or the gate said that their silence does."""
    silent = known.gate_status == GateStatus.EXPIRED and known.on_expire == OnExpire.APPROVE
    return silent or known.gate_status == GateStatus.APPROVED
