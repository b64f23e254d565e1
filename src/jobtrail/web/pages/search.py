"""What the address of a list of jobs says: a search, a window of time, a page. Nothing is read of the database here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.filter import Filter, both
from jobtrail.core.filter_language import Search, Term, Unreadable, Value, parse
from jobtrail.core.status import JobStatus
from jobtrail.web.api.job_lists import JobFilter, filter_of
from jobtrail.web.views import Time

WINDOWS: Final = (("-1h", "Last hour"), ("-24h", "Last 24 hours"), ("-7d", "Last 7 days"), ("-30d", "Last 30 days"))
_SAID: Final = (
    ("status", "status"), ("wait_reason", "wait"), ("type", "type"), ("queue", "queue"), ("tag", "tag"),
    ("priority", "priority"), ("task_id", "task"), ("project_id", "project"), ("parent_id", "parent"),
)  # fmt: skip
"""Parameters of an address that a search can say too."""
MOST_SHOWN: Final = 100
_LAST_MS: Final = 253_402_300_799_999
"""The last moment that a date can say, in milliseconds."""


class JobsPageQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs, of which time, which page. `ids`: those that a browser shows already, `jump`: go to this time."""

    t: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    before: UUID | None = None
    after: UUID | None = None
    jump: Time | None = None
    ids: Annotated[list[UUID], msgspec.Meta(max_length=MOST_SHOWN)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A status that the list may be narrowed to. `jobs` None: nobody counts them for such a search."""

    status: str | None
    q: str
    current: bool
    jobs: int | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for. `wrong`: the search or the window cannot be read, and the rest of them is shown.

    `lasting` is the filter without the window, by which a job that is shown goes on to match as time goes by.
    """

    q: str
    t: str | None
    search: Search | None
    lasting: Filter
    filter: Filter
    wrong: str | None = None
    position: int | None = None

    @property
    def status(self) -> str | None:
        """The one status that is asked for."""
        said = [] if self.search is None else [term for term in self.search.terms if term.key == "status"]
        one = said[0] if len(said) == 1 and not said[0].negated and len(said[0].values) == 1 else None
        return None if one is None else one.values[0].text

    @property
    def counts_apply(self) -> bool:
        """Whether the workspace's own counts are those of this search."""
        only = self.search is not None and all(term.key == "status" for term in self.search.terms)
        return only and self.lasting.asks_for <= {"statuses", "exclude_statuses"} and self.t is None

    @property
    def cli(self) -> str:
        """The same list on the command line."""
        said = " ".join(filter(None, (self.q, _aged(self.t))))
        return f"jobtrail job list {shlex.quote(said)}" if said else "jobtrail job list"

    def without(self, term: Term) -> str:
        """The search without one of its conditions."""
        return str(Search(tuple(one for one in (self.search or Search()).terms if one is not term)))

    def narrowed(self, status: str | None) -> str:
        """The search with another status, or with none."""
        terms = tuple(term for term in (self.search or Search()).terms if term.key != "status")
        if status is not None:
            terms = (Term("status", ":", (Value(status),), negated=False, position=1), *terms)
        return str(Search(terms))


def wanted(query: JobsPageQuery, now: datetime) -> Wanted:
    """What an address means. Never raises for what somebody typed: it is told in `wrong`."""
    q = " ".join(filter(None, (str(Search(tuple(_terms(query)))), query.q)))
    rest = filter_of(
        JobFilter(
            created_after=query.created_after, created_before=query.created_before, filter=query.filter, id=query.id
        )
    )
    wrong, position, search = None, None, None
    try:
        search = parse(q)
        rest = both(rest, search.filter(now))
    except Unreadable as error:
        wrong, position, search = error.message, error.position, None
    except Invalid as error:
        wrong, search = error.message, None
    whole = rest
    try:
        whole = both(rest, window(query.t, now))
    except Invalid as error:
        wrong = wrong or error.message
    return Wanted(q=q, t=query.t, search=search, lasting=rest, filter=whole, wrong=wrong, position=position)


def window(t: str | None, now: datetime) -> Filter:
    """The window that `t` says: `-24h`, or `2026-01-31T12:00Z..2026-02-01T12:00Z` with either end left out. Raises Invalid."""
    if not t:
        return Filter()
    if t.startswith("-"):
        return Filter(created_after=_back(now, duration.parse(t[1:]), t))
    start, dots, end = t.partition("..")
    if not dots or not (start or end):
        raise Invalid(f"{t[:40]!r} is no window of time; write -24h, or from..to", fields={"t": "no window of time"})
    return Filter(created_after=_time(start) if start else None, created_before=_time(end) if end else None)


def tabs(wanted: Wanted, counts: Iterable[tuple[str, int, bool]]) -> list[Tab]:
    """All statuses as tabs, with their counts where these are those of the search."""
    known = {status: (jobs, capped) for status, jobs, capped in counts} if wanted.counts_apply else {}
    found = [Tab(status=None, q=wanted.narrowed(None), current="statuses" not in wanted.lasting.asks_for)]
    for status in JobStatus:
        jobs, capped = known.get(status, (None, False))
        if status is not JobStatus.VALIDATING or jobs or wanted.status == status:
            q, current = wanted.narrowed(status), wanted.status == status
            found.append(Tab(status=str(status), q=q, current=current, jobs=jobs, capped=capped))
    return found


def id_at(time: datetime) -> UUID:
    """The lowest id of jobs that were made at a time."""
    return UUID(int=min(max(int(time.timestamp() * 1_000), 0), (1 << 48) - 1) << 80)


def made_at(id: UUID) -> datetime:
    """When the job with this id was made, as far as there are times: whoever enqueues may choose an id of any."""
    return datetime.fromtimestamp(min(id.int >> 80, _LAST_MS) / 1_000, UTC)


def _terms(query: JobsPageQuery) -> Iterable[Term]:
    for name, key in _SAID:
        given = getattr(query, name)
        if given:
            texts = [str(one) for one in (given if isinstance(given, list) else [given])]
            quoted = tuple(_value(text) for text in texts)
            yield Term(key, ":", quoted, negated=False, position=1)


def _value(text: str) -> Value:
    return Value(text, quoted=any(c.isspace() or c in '",' for c in text))


def _back(now: datetime, length: timedelta, said: str) -> datetime:
    try:
        return now - length
    except OverflowError:
        raise Invalid(f"{said[:40]!r} begins before all time", fields={"t": "before all time"}) from None


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is no time; write 2026-01-31T12:00Z", fields={"t": "no time"}) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _aged(t: str | None) -> str:
    return f"age<{t[1:]}" if t and t.startswith("-") else ""
