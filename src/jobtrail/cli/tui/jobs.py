"""The screen of jobs: newest first, by id. Rows never jump: what came since is counted until it is asked for."""

from __future__ import annotations

import shlex
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

from textual.binding import Binding, BindingType
from textual.widget import Widget

from jobtrail.cli.tui import listing
from jobtrail.cli.tui.cells import COLUMNS, cells
from jobtrail.cli.tui.frame import Plan, Seen
from jobtrail.cli.tui.listing import Fresh
from jobtrail.cli.tui.on_jobs import OnJobs
from jobtrail.cli.tui.rows import Row, Rows
from jobtrail.cli.tui.spans import INSIDE, Line
from jobtrail.client import JobsClient
from jobtrail.core.filter import SEARCHED
from jobtrail.core.filter_language import Search, parse
from jobtrail.core.model import Job
from jobtrail.service.lists import Page

_MOST: Final = 1_000


class JobsScreen(OnJobs):
    """A list of jobs under a filter."""

    name_of_tab = "jobs"
    hints = (("↵", "open"), ("l", "logs"), ("r", "retry"), ("R", "rerun"), ("c", "cancel"), ("␣", "mark"),
             ("y", "copy"), ("/", "filter"))  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home,n", "newest", show=False),
        Binding("f", "follow", show=False),
    ]

    def __init__(self, search: str = "") -> None:
        super().__init__()
        self.search: Search = parse(search)
        self.jobs: list[Job] = []
        self.rows = Rows(COLUMNS, marks=True)
        self._gone: set[UUID] = set()
        self._new, self._capped, self._loaded = 0, False, False
        self._before: UUID | None = None
        self._searched_to: UUID | None = None
        self._wants_older = self._follows = False

    def body(self) -> Widget:
        return self.rows

    def set_search(self, text: str) -> None:
        """Shows the jobs of another filter. Raises Unreadable."""
        self.search = parse(text)
        self._anew()

    def plan(self) -> Plan:
        search, shown = self.search, [job.id for job in self.jobs]
        if not self._loaded or not shown:
            return partial(self._load, search)
        if self._wants_older and self._before is not None:
            return partial(self._load_older, search, self._before)
        first, after = self.rows.seen
        return partial(self._look_again, search, shown, shown[first:after])

    def _load(self, search: Search, client: JobsClient) -> Seen:
        return partial(self._show_page, listing.load(client, search))

    def _load_older(self, search: Search, before: UUID, client: JobsClient) -> Seen:
        return partial(self._show_older, listing.load(client, search, before))

    def _look_again(self, search: Search, shown: list[UUID], seen: list[UUID], client: JobsClient) -> Seen:
        return partial(self._show_fresh, listing.look_again(client, search, shown, seen))

    def _show_page(self, page: Page) -> None:
        anew = not self._loaded
        self.jobs, self._loaded = page.jobs, True
        self._gone.clear()
        self._new, self._capped = 0, False
        self._ends(page)
        hint = (
            "no job fits this filter" if self.search.terms else "no jobs; hand one in: jobtrail enqueue TYPE name=value"
        )
        self.rows.empty = (((hint, "dim"),),)
        self._draw(anew=anew and not self._follows)

    def _show_older(self, page: Page) -> None:
        self._wants_older = False
        there = {job.id for job in self.jobs}
        self.jobs += [job for job in page.jobs if job.id not in there]
        self._ends(page)
        self._draw()

    def _show_fresh(self, fresh: Fresh) -> None:
        self.jobs = [fresh.jobs.get(job.id, job) for job in self.jobs]
        self._gone |= fresh.gone
        self._new, self._capped = fresh.new, fresh.capped
        if self._follows and fresh.new:
            self._loaded = False
        self._draw()

    def _ends(self, page: Page) -> None:
        self._before = page.next_before
        self._searched_to = page.searched_to

    def _draw(self, *, anew: bool = False) -> None:
        self.rows.show_rows([Row(job.id, cells(job), job.id in self._gone) for job in self.jobs], anew=anew)
        self.tell()

    def crumbs(self) -> Line:
        said = str(self.search)
        return ((self.name_of_tab, "strong"), INSIDE, (said or "all, newest first", "key" if said else "dim"))

    def aside_of_crumbs(self) -> Line:
        parts: list[tuple[str, str]] = []
        if self._new:
            parts.append((f"↑ {self._new}{'+' if self._capped else ''} new <Home>  ", "new"))
        if self.rows.marked:
            parts.append((f"{len(self.rows.marked)} marked  ", "new"))
        if self._follows:
            parts.append(("follows  ", "ok"))
        if self._searched_to is not None:
            parts.append((f"of the newest {SEARCHED:,}  ", "dim"))
        if self._loaded:
            more = "+" if self._before else ""
            parts.append((f"{len(self.jobs)}{more} {'job' if len(self.jobs) == 1 and not more else 'jobs'}", "dim"))
        return tuple(parts)

    def twin(self) -> str:
        return f"jobtrail job list {shlex.quote(str(self.search))}" if self.search.terms else "jobtrail job list"

    def copied(self) -> str | None:
        return None if self.rows.current is None else str(self.rows.current)

    def meant(self) -> list[UUID]:
        marked = [job.id for job in self.jobs if job.id in self.rows.marked]
        return marked or [job.id for job in self.jobs if job.id == self.rows.current]

    def job(self, job_id: UUID) -> Job | None:
        return next((job for job in self.jobs if job.id == job_id), None)

    def acted(self) -> None:
        self.rows.unmark()

    def on_rows_chosen(self) -> None:
        """Enter: the job."""
        if (job := self.job(self.rows.current)) is not None:  # type: ignore[arg-type]
            self.top.open_job(job.id, job)

    def on_rows_moved(self) -> None:
        """Near the end, older jobs are read."""
        if self._before is not None and self.rows.seen[1] >= len(self.jobs) - 1 and len(self.jobs) < _MOST:
            self._wants_older = True
            self.top.hurry()
        self.tell()

    def action_newest(self) -> None:
        """Shows what came since, from the top."""
        self.rows.go(0)
        self._anew()

    def action_follow(self) -> None:
        """Shows what comes at once, or no longer."""
        self._follows = not self._follows
        self.tell()

    def find(self) -> None:
        """Asks for a filter."""
        text = str(self.search)
        self.prompt.open("/", text + " " if text else "", self.set_search, check=parse)

    def action_back(self) -> None:
        """Marks go first, then the filter."""
        if self.rows.marked:
            self.rows.unmark()
        elif self.search.terms:
            self.set_search("")

    def _anew(self) -> None:
        self._loaded, self._wants_older = False, False
        self.turn += 1
        self.top.hurry()
        self.tell()
