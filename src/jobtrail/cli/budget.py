"""`jobtrail budget list`, `set`, `show` and `clear`: what jobs may use together, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from jobtrail.cli import place, refs, show, task_refs, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import Usage, with_fix
from jobtrail.client import JobsClient
from jobtrail.core import budget, duration
from jobtrail.core.budget import BudgetStanding
from jobtrail.core.budget_terms import (
    BudgetPeriod,
    BudgetScope,
    Limits,
    OnExceeded,
    checked,
    money,
    share_of_one,
    subject_of,
)
from jobtrail.core.errors import NotFound
from jobtrail.service.budgets import NewBudget

BudgetRef = Annotated[str, Plain]
"""A budget as people name it: whose it is (`workspace`, `type:claude`, `project:site`, `job:@last`), or digits of its id."""


def set_(
    whose: BudgetRef,
    /,
    *,
    usd: str | None = None,
    tokens: int | None = None,
    wall: str | None = None,
    per: Literal["month", "day"] | None = None,
    warn_at: float = 0.8,
    on_exceeded: Literal["gate", "stop"] = "gate",
    flags: Flags = NO_FLAGS,
) -> int:
    """Set a budget, or raise it; jobs that wait for it go on if it reaches now.

    Parameters
    ----------
    whose
        workspace, type:NAME, queue:NAME, project:NAME, task:ID, schedule:ID, job:ID (with all that descends from it) or
        attempt:ID (each attempt of a job by itself).
    usd
        Dollars.
    tokens
        Tokens of models, all kinds together.
    wall
        Time that attempts take (90s, 2h), added up.
    per
        For each month or day of UTC anew; left out: for good.
    warn_at
        From which part of it (0 to 1) people are told; 0.8 if not said otherwise.
    on_exceeded
        When it is spent: gate asks people for more, stop ends the jobs.
    """
    seconds = None if wall is None else duration.parse(wall).total_seconds()
    limits = checked(Limits(usd=money(usd, "usd"), tokens=tokens, seconds=seconds))
    period = BudgetPeriod.TOTAL if per is None else BudgetPeriod(per.upper())
    with place.client(flags) as client:
        scope, subject = _whose(client, whose)
        if scope in (BudgetScope.TREE, BudgetScope.ATTEMPT) and per is not None:
            raise Usage("the budget of a job stands for good; leave out --per")
        wanted = NewBudget(
            scope=scope,
            subject=subject,
            limits=limits,
            period=period,
            warn_at=share_of_one(warn_at),
            on_exceeded=OnExceeded(on_exceeded.upper()),
        )
        done = client.budgets.set(wanted)
    show.thing({"budget": done}, lambda: _lines(done), flags)
    return 0


def listed(whose: Annotated[str | None, Plain] = None, /, *, jobs: bool = False, flags: Flags = NO_FLAGS) -> int:
    """Budgets, and how they stand.

    Parameters
    ----------
    whose
        Only those of a workspace, type:NAME, project:NAME, job:ID …
    jobs
        Those of single jobs as well.
    """
    with place.client(flags) as client:
        scope, subject = (None, None) if whose is None else _whose(client, whose)
        found = client.budgets.list(scope, subject, jobs=jobs)
    show.rows(
        found,
        [
            show.id_column(lambda one: one.id, "BUDGET"),
            show.Column("OF", lambda one: f"{one.scope.lower()}:{one.subject}".rstrip(":"), lambda one: one.label),
            show.Column("USED", budget.in_words),
            show.Column("SHARE", lambda one: round(one.share, 4), lambda one: f"{one.share:.0%}", right=True),
            show.Column("HELD", lambda one: one.held_usd, lambda one: budget.dollars(one.held_usd), right=True, rank=2),
            show.Column("OPEN", lambda one: one.running, right=True, rank=3),
            show.Column("WAIT", lambda one: one.waiting, right=True, rank=1),
        ],
        flags,
        empty="no budgets; set one: jobtrail budget set workspace --usd 100 --per month",
    )
    return 0


def shown(whose: BudgetRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """One budget, or all those that hold a job.

    Parameters
    ----------
    whose
        Digits of a budget's id, whose it is (workspace, type:NAME, project:NAME …), or job:ID.
    """
    with place.client(flags) as client:
        if whose.startswith("job:"):
            found = client.budgets.of_job(refs.job_id(client, whose.removeprefix("job:")))
        else:
            found = _named(client, whose)
    if not found:
        raise with_fix(NotFound(f"no budget is that of {whose}"), "jobtrail budget list")
    show.thing({"budgets": found}, lambda: (line for one in found for line in _lines(one)), flags)
    return 0


def clear(whose: BudgetRef, /, *, flags: Flags = NO_FLAGS) -> int:
    """Remove a budget; jobs that wait for it go on.

    Parameters
    ----------
    whose
        Digits of a budget's id, or whose it is (workspace, type:NAME, project:NAME, job:ID …), if it has one only.
    """
    with place.client(flags) as client:
        found = _named(client, whose)
        if len(found) != 1:
            none = NotFound(f"{'no budget is' if not found else 'several budgets are'} that of {whose}")
            raise with_fix(none, "jobtrail budget list")
        client.budgets.clear(found[0].id)
    show.thing({"id": found[0].id, "removed": True}, lambda: [("removed", found[0].label)], flags)
    return 0


def _named(client: JobsClient, whose: str) -> list[BudgetStanding]:
    if whose == "workspace" or ":" in whose:
        return client.budgets.list(*_whose(client, whose))
    every = client.budgets.list(jobs=True)
    meant = refs.one_of([one.id for one in every], whose)
    return [one for one in every if one.id == meant or str(one.id) == whose]


def _whose(client: JobsClient, whose: str) -> tuple[BudgetScope, str]:
    """The scope and the subject that are meant. Raises Usage."""
    word, _, name = whose.partition(":")
    scopes = {"job": BudgetScope.TREE} | {
        scope.lower(): scope for scope in BudgetScope if scope is not BudgetScope.TREE
    }
    if word not in scopes:
        known = ", ".join("workspace" if each == "workspace" else f"{each}:…" for each in sorted(scopes))
        raise Usage(f"{whose!r} names nobody's budget; there are {known}")
    scope = scopes[word]
    if scope in (BudgetScope.TREE, BudgetScope.ATTEMPT) and name:
        name = str(refs.job_id(client, name))
    elif scope is BudgetScope.TASK and name:
        name = str(task_refs.task_id(client, name))
    elif scope is BudgetScope.PROJECT and name:
        name = str(task_refs.project_id(client, name))
    return scope, subject_of(scope, name)


def _lines(one: BudgetStanding) -> Iterator[tuple[str, object]]:
    yield "id", one.id
    yield "of", one.label
    yield "used", f"{budget.in_words(one)} ({one.share:.0%})"
    yield (
        "held",
        f"{budget.dollars(one.held_usd)}, {one.held_tokens:,} tokens, by {words.counted(one.running, 'attempt')}",
    )
    if one.unpriced_calls:
        yield "unknown", f"of {words.counted(one.unpriced_calls, 'call')} nobody knows the price"
    yield "when spent", "people are asked for more" if one.on_exceeded == OnExceeded.GATE else "the jobs are stopped"
    if one.waiting:
        yield "waiting", words.counted(one.waiting, "job")
    if one.gate_id is not None:
        yield "asks at", f"gate {one.gate_id} of job {one.gate_job_id}"
    if one.period_ends_at is not None:
        yield "until", words.absolute(one.period_ends_at)
