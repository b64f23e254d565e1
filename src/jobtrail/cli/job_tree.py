"""`jobtrail job tree`: a job with the jobs that it started and that they started; `job needs`: what it waits for."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from jobtrail.cli import exits, place, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Ref
from jobtrail.cli.show import Column
from jobtrail.cli.telling import notice
from jobtrail.core.graph import Branch, Dependency, TreeTotal, drawn
from jobtrail.core.ids import short


def tree(job: Ref = "@last", /, *, limit: int = 200, flags: Flags = NO_FLAGS) -> int:
    """A job with all below it: how each stands, and what each cost by itself.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    limit
        How many jobs at most; those nearest to it come first.
    """
    with place.client(flags) as client:
        branches, total = client.trees.get(refs.job_id(client, job), limit=limit)
    if flags.output in ("json", "jsonl"):
        show.thing({"items": branches, "total": total}, list, flags)
        return exits.OK
    columns: list[Column[tuple[str, Branch]]] = [
        Column("JOB", lambda row: str(row[1].id), lambda row: f"{row[0]}{short(row[1].id)}"),
        Column("TYPE", lambda row: row[1].type),
        Column("STATUS", lambda row: row[1].status, lambda row: _status(row[1])),
        Column("COST", lambda row: "" if row[1].cost_usd is None else str(row[1].cost_usd), right=True),
        Column("TITLE", lambda row: row[1].title or "", rank=1),
    ]
    show.rows(list(drawn(branches)), columns, flags)
    notice(_sum(total, len(branches)))
    return exits.OK


def needs(job: Ref = "@last", /, *, flags: Flags = NO_FLAGS) -> int:
    """What a job waits for or waited for, and who waits for it.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    """
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        found = client.trees.dependencies(job_id)
    columns: list[Column[Dependency]] = [
        Column("JOB", lambda one: str(_other(one, job_id)), lambda one: short(_other(one, job_id))),
        Column("IS", lambda one: _part(one, job_id)),
        Column("TYPE", lambda one: one.type),
        Column("STATUS", lambda one: one.status),
        Column("SINCE", lambda one: words.absolute(one.met_at) or "",
               lambda one: "still open" if one.met_at is None else words.absolute(one.met_at) or ""),
    ]  # fmt: skip
    show.rows(found, columns, flags, empty="it waits for no job, and none waits for it")
    return exits.OK


def _status(branch: Branch) -> str:
    return branch.status if branch.wait_reason is None else f"{branch.status} ({branch.wait_reason})"


def _sum(total: TreeTotal, shown: int) -> str:
    said = f"{total.jobs}{'+' if total.capped else ''} jobs: {total.completed} completed, {total.failed} failed, "
    said += f"{total.cancelled} cancelled"
    if total.cost_usd is not None or total.unpriced_calls:
        said += f"; together {total.cost_usd or Decimal(0)} USD"
        said += f" and {total.unpriced_calls} calls without a price" if total.unpriced_calls else ""
    return said + (f"; the first {shown} are shown" if total.jobs > shown else "")


def _other(one: Dependency, job_id: UUID) -> UUID:
    return one.needs_id if one.job_id == job_id else one.job_id


def _part(one: Dependency, job_id: UUID) -> str:
    if one.job_id == job_id:
        return "started by it" if one.is_child else "needed by it"
    return "started it" if one.is_child else "waits for it"
