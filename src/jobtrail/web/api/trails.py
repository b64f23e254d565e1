"""Routes of one job's trail as a whole: to prove that it is as it was written, and to take it elsewhere."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.service import audit, export
from jobtrail.store.query import Steps, flow
from jobtrail.web.runtime import Call

LINES: Final = "application/x-ndjson"


class TrailFinding(msgspec.Struct, frozen=True):
    """One thing that is not as it was recorded."""

    kind: str
    seq: int | None
    message: str


class VerifiedTrail(msgspec.Struct, frozen=True):
    """What a look at the whole trail of a job found. `unsealed`: events that no seal covers yet; only the chain of the job
    vouches for them."""

    ok: bool
    events: int
    unsealed: int
    findings: list[TrailFinding]


async def verify_job_trail(call: Call, job_id: UUID) -> VerifiedTrail:
    """Verify that no event of a job was edited, deleted, swapped or cut off, and that its row is what they say."""
    return await verified(call, job_id)


async def verified(call: Call, job_id: UUID) -> VerifiedTrail:
    """The same for a page."""
    report = await call.read(audit.verify_job(call.workspace, job_id))
    findings = [TrailFinding(str(one.kind), one.seq, one.message) for one in report.findings]
    return VerifiedTrail(report.ok, report.events, report.unsealed, findings)


async def export_job_trail(call: Call, job_id: UUID) -> Response:
    """The trail of a job as lines of JSON, each event with the proof that a seal covers it.

    `jobtrail audit verify FILE` verifies them without the database.
    """
    lines = await call.read(_exported(call.workspace, job_id))
    headers = {"Content-Disposition": f'attachment; filename="{job_id}.trail.jsonl"'}
    return Response("".join(f"{line.rstrip()}\n" for line in lines), headers=headers, media_type=LINES)


@flow
def _exported(workspace: UUID, job_id: UUID) -> Steps[list[str]]:
    lines: list[str] = []
    yield from export.export_job(workspace, job_id, lines.append).begin()
    return lines
