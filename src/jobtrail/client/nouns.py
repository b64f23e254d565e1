"""Where a client on the database begins: its connection, how it runs a verb, and the nouns whose verbs stand in modules of
their own."""

from __future__ import annotations

from typing import TypeVar, cast
from uuid import UUID

from jobtrail.client.breakers import BreakerFlows, Breakers
from jobtrail.client.budgets import BudgetFlows, Budgets
from jobtrail.client.deciding import Decisions
from jobtrail.client.deciding_flows import DecidingFlows
from jobtrail.client.here import whoever_is_here
from jobtrail.client.limits import LimitFlows, Limits
from jobtrail.client.operating import Operations
from jobtrail.client.operating_flows import OperatingFlows
from jobtrail.client.schedule_flows import ScheduleFlows
from jobtrail.client.schedules import Schedules
from jobtrail.client.task_flows import TaskFlows
from jobtrail.client.tasks import Projects, Runs, Tasks
from jobtrail.client.trees import TreeFlows, Trees
from jobtrail.client.verbs import DEFAULT_WORKSPACE
from jobtrail.core.model import Actor
from jobtrail.store.pool import Database, Dial
from jobtrail.store.query import Flow, Query
from jobtrail.store.wake import Nudger

T = TypeVar("T")


class Nouns:
    """A connection to the database, for one workspace and one actor."""

    def __init__(self, url: str, *, workspace: UUID = DEFAULT_WORKSPACE, actor: Actor | None = None,
                 pgbouncer: bool = False) -> None:  # fmt: skip
        self.workspace = workspace
        self.actor = actor or whoever_is_here()
        self._is_here = actor is None
        dial = Dial(url=url, workspace=str(workspace), name="jobtrail-client", pgbouncer=pgbouncer)
        self.database = Database(dial)
        self.nudger = Nudger(dial)

    @property
    def breakers(self) -> Breakers:
        """The verbs on the breakers of types."""
        return Breakers(BreakerFlows(self.workspace, self.actor), cast("Runs", self.run))

    @property
    def trees(self) -> Trees:
        """The verbs on what jobs have to do with each other."""
        return Trees(TreeFlows(self.workspace), cast("Runs", self.run))

    @property
    def limits(self) -> Limits:
        """The verbs on limits."""
        return Limits(LimitFlows(self.workspace, self.actor), cast("Runs", self.run))

    @property
    def operations(self) -> Operations:
        """The verbs of those who operate."""
        return Operations(OperatingFlows(self.workspace, self.actor), cast("Runs", self.run), self.nudger.nudge)

    @property
    def schedules(self) -> Schedules:
        """The verbs on schedules."""
        return Schedules(ScheduleFlows(self.workspace, self.actor), cast("Runs", self.run), self.nudger.nudge)

    @property
    def budgets(self) -> Budgets:
        """The verbs on budgets."""
        return Budgets(BudgetFlows(self.workspace, self.actor), cast("Runs", self.run), self.nudger.nudge)

    @property
    def decisions(self) -> Decisions:
        """The verbs on gates, beyond approve and reject."""
        return Decisions(DecidingFlows(self.workspace, self.actor, self._is_here), cast("Runs", self.run))

    @property
    def tasks(self) -> Tasks:
        """The verbs on tasks."""
        return Tasks(TaskFlows(self.workspace, self.actor), cast("Runs", self.run), self.nudger.nudge)

    @property
    def projects(self) -> Projects:
        """The verbs on projects."""
        return Projects(TaskFlows(self.workspace, self.actor), cast("Runs", self.run))

    def run(self, work: Query[T] | Flow[T]) -> T:
        """Runs any verb as a value."""
        return self.database.run(work)
