"""Routes by which a program finds one thing: ids of jobs by some digits, why a job is where it is, one gate."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from jobtrail.core import why
from jobtrail.core.facts import Facts
from jobtrail.core.model import Gate
from jobtrail.service import gates, jobs
from jobtrail.web.runtime import Call


class DigitsQuery(msgspec.Struct, frozen=True):
    """Some digits of an id."""

    digits: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{4,32}$", description="Hex digits of its start or end.")]


class FoundIds(msgspec.Struct, frozen=True):
    """Ids that fit, newest first; at most 3, so that two or more mean: give more digits."""

    items: list[UUID]


class Why(msgspec.Struct, frozen=True):
    """Why a job waits, runs, failed or was lost: in a sentence, and the facts behind it."""

    why: str
    facts: Facts


async def find_job_ids(call: Call, query: DigitsQuery) -> FoundIds:
    """Ids of jobs that start or end with some hex digits.

    The ends of ids are looked for among the newest million jobs.
    """
    return FoundIds(await call.read(jobs.find(call.workspace, query.digits)))


async def get_why(call: Call, job_id: UUID) -> Why:
    """Why a job is where it is."""
    facts = await call.found(jobs.facts(call.workspace, job_id), f"job {job_id}")
    return Why(why.sentence(facts), facts)


async def get_gate(call: Call, gate_id: UUID) -> Gate:
    """One gate."""
    return await call.found(gates.get(call.workspace, gate_id), f"gate {gate_id}")
