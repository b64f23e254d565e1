"""Budgets: the verbs on them that every client has, blocking and awaited, and each as a value for the database or HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.client.tasks import Awaits, Runs, Tells, Work
from jobtrail.core.budget import BudgetStanding
from jobtrail.core.budget_terms import BudgetScope
from jobtrail.core.model import Actor
from jobtrail.service import budgets
from jobtrail.service.budgets import BudgetSet, NewBudget
from jobtrail.store.query import Flow

_MOST: Final = 500


class SaysBudgets(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def set_budget(self, wanted: NewBudget) -> Work[BudgetSet]: ...
    def get_budget(self, id: UUID) -> Work[BudgetStanding]: ...
    def list_budgets(
        self, scope: BudgetScope | None, subject: str | None, *, jobs: bool
    ) -> Work[list[BudgetStanding]]: ...
    def budgets_of_job(self, job_id: UUID) -> Work[list[BudgetStanding]]: ...
    def clear_budget(self, id: UUID) -> Work[list[str]]: ...


class Budgets:
    """The verbs on budgets, blocking."""

    def __init__(self, say: SaysBudgets, run: Runs, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    def set(self, wanted: NewBudget) -> BudgetStanding:
        """Makes a budget, or changes the one of its scope, subject and period; who waits for it goes on if it reaches now.

        Raises NotFound when there is no such job, task or project, Invalid.
        """
        done = self._run(self._say.set_budget(wanted))
        self._tell(done.queues)
        return done.budget

    def get(self, id: UUID) -> BudgetStanding:
        """How one budget stands. Raises NotFound."""
        return self._run(self._say.get_budget(id))

    def list(
        self, scope: BudgetScope | None = None, subject: str | None = None, *, jobs: bool = False
    ) -> list[BudgetStanding]:
        """At most 500 budgets, the oldest first; those of single jobs only with `jobs`, or when scope or subject are named."""
        return self._run(self._say.list_budgets(scope, subject, jobs=jobs))

    def of_job(self, job_id: UUID) -> Sequence[BudgetStanding]:
        """The budgets that hold a job, the narrowest scope first."""
        return self._run(self._say.budgets_of_job(job_id))

    def clear(self, id: UUID) -> None:
        """Removes a budget; who waits for it goes on. Raises NotFound."""
        queues = self._run(self._say.clear_budget(id))
        self._tell(queues)


class AsyncBudgets:
    """The verbs on budgets, awaited; each does what the one of its name does in Budgets."""

    def __init__(self, say: SaysBudgets, run: Awaits, tell: Tells) -> None:
        self._say, self._run, self._tell = say, run, tell

    async def set(self, wanted: NewBudget) -> BudgetStanding:
        """Makes a budget, or changes the one of its scope, subject and period. Raises NotFound, Invalid."""
        done = await self._run(self._say.set_budget(wanted))
        self._tell(done.queues)
        return done.budget

    async def get(self, id: UUID) -> BudgetStanding:
        """How one budget stands. Raises NotFound."""
        return await self._run(self._say.get_budget(id))

    async def list(
        self, scope: BudgetScope | None = None, subject: str | None = None, *, jobs: bool = False
    ) -> list[BudgetStanding]:
        """At most 500 budgets, the oldest first."""
        return await self._run(self._say.list_budgets(scope, subject, jobs=jobs))

    async def of_job(self, job_id: UUID) -> Sequence[BudgetStanding]:
        """The budgets that hold a job, the narrowest scope first."""
        return await self._run(self._say.budgets_of_job(job_id))

    async def clear(self, id: UUID) -> None:
        """Removes a budget; who waits for it goes on. Raises NotFound."""
        queues = await self._run(self._say.clear_budget(id))
        self._tell(queues)


@dataclass(frozen=True, slots=True)
class BudgetFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def set_budget(self, wanted: NewBudget) -> Flow[BudgetSet]:
        """Sets one."""
        return budgets.set_(self.workspace, wanted, self.actor)

    def get_budget(self, id: UUID) -> Flow[BudgetStanding]:
        """One."""
        return budgets.get(self.workspace, id)

    def list_budgets(self, scope: BudgetScope | None, subject: str | None, *, jobs: bool) -> Flow[list[BudgetStanding]]:
        """Some."""
        return budgets.listed(self.workspace, scope=scope, subject=subject, jobs=jobs, limit=_MOST)

    def budgets_of_job(self, job_id: UUID) -> Flow[list[BudgetStanding]]:
        """Those that hold a job."""
        return budgets.of_job(self.workspace, job_id)

    def clear_budget(self, id: UUID) -> Flow[list[str]]:
        """Removes one."""
        return budgets.clear(self.workspace, id, self.actor)


class _List(msgspec.Struct, frozen=True):
    items: list[BudgetStanding]


class BudgetAsks:
    """Each verb as the server's route takes it; the server wakes the workers itself."""

    def set_budget(self, wanted: NewBudget) -> Ask[BudgetSet]:
        """Sets one."""
        most = wanted.limits
        body: dict[str, Any] = {
            "scope": wanted.scope,
            "subject": wanted.subject,
            "period": wanted.period,
            "limit_usd": most.usd,
            "limit_tokens": most.tokens,
            "limit_seconds": most.seconds,
            "warn_at": wanted.warn_at,
            "on_exceeded": wanted.on_exceeded,
        }
        said = msgspec.json.encode({name: value for name, value in body.items() if value is not None})

        def read(answer: bytes) -> BudgetSet:
            return BudgetSet(_one(answer), is_new=False, queues=[])

        return Ask(method="POST", path="/budgets", read=read, body=said, again=True)

    def get_budget(self, id: UUID) -> Ask[BudgetStanding]:
        """One."""
        return Ask(method="GET", path=f"/budgets/{id}", read=_one, again=True)

    def list_budgets(self, scope: BudgetScope | None, subject: str | None, *, jobs: bool) -> Ask[list[BudgetStanding]]:
        """Some."""
        asked = {"scope": scope, "subject": subject, "jobs": "true" if jobs else None, "limit": str(_MOST)}
        query = {name: value for name, value in asked.items() if value is not None}
        return Ask(method="GET", path="/budgets", read=_some, query=query, again=True)

    def budgets_of_job(self, job_id: UUID) -> Ask[list[BudgetStanding]]:
        """Those that hold a job."""
        return Ask(method="GET", path=f"/jobs/{job_id}/budgets", read=_some, again=True)

    def clear_budget(self, id: UUID) -> Ask[list[str]]:
        """Removes one."""
        return Ask(method="DELETE", path=f"/budgets/{id}", read=lambda _: [])


def _one(body: bytes) -> BudgetStanding:
    return msgspec.json.decode(body, type=BudgetStanding)


def _some(body: bytes) -> list[BudgetStanding]:
    return msgspec.json.decode(body, type=_List).items
