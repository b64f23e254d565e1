"""What jobs have to do with each other: ends that others wait for, references to results, and circles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid
from jobtrail.core.status import FINAL, DependencyPolicy, DependsMode, JobStatus

REFERENCE: Final = "$result"
"""An object with this key stands for the result of another job: `{"$result": "<job id>", "path": ["a", 0]}`."""
_MARK: Final = '"$result"'
_LONGEST_PATH: Final = 64
MOST_NEEDS: Final = 10_000
"""So many jobs one job may wait for, and so many one step may start."""
MOST_FILLED: Final = 16 << 20
"""So many bytes of results may stand in an input for its references: a short one could name a long result ten thousand times."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How another job stands or ended. `output` is the JSON of its result, None where there is none."""

    job_id: UUID
    type: str
    status: JobStatus
    output: str | None
    error_code: str | None
    error_message: str | None

    @property
    def result(self) -> Any:
        """Its result, decoded from JSON."""
        return None if self.output is None else msgspec.json.decode(self.output)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.status in FINAL

    @property
    def bad(self) -> bool:
        """Whether it ended and did not complete."""
        return self.ended and self.status != JobStatus.COMPLETED


@dataclass(frozen=True, slots=True)
class Dependency:
    """One job that waits for another. `is_child`: it started that one itself. `met_as` None: it still waits."""

    job_id: UUID
    needs_id: UUID
    type: str
    title: str | None
    status: JobStatus
    is_child: bool
    met_as: JobStatus | None
    met_at: datetime | None


@dataclass(frozen=True, slots=True)
class Branch:
    """One job of a tree, with what it cost by itself. `depth` counts from the job that was asked for."""

    id: UUID
    parent_id: UUID | None
    depth: int
    type: str
    title: str | None
    status: str
    wait_reason: str | None
    queue: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    children: int
    cost_usd: Decimal | None
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class TreeTotal:
    """A job with all below it: how many jobs at each status, and what they cost together. Counts stop at a cap."""

    jobs: int
    completed: int
    failed: int
    cancelled: int
    cost_usd: Decimal | None
    unpriced_calls: int
    capped: bool


class Output:
    """Stands for the result of a job that has not run: hand it, or a part of it (`output["rows"][0]`), to another job."""

    __slots__ = ("job_id", "path")

    def __init__(self, job_id: UUID, path: tuple[str | int, ...] = ()) -> None:
        self.job_id, self.path = job_id, path

    def __getitem__(self, part: str | int) -> Output:
        return Output(self.job_id, (*self.path, part))

    def __repr__(self) -> str:
        return f"Output({self.job_id}{''.join(f'[{part!r}]' for part in self.path)})"


class Referred(NamedTuple):
    """A value in which references stand for outputs, and the jobs that they name."""

    value: Any
    jobs: frozenset[UUID]


def referred(value: Any) -> Referred:
    """Puts references in the place of outputs, in lists and objects however deep."""
    found: set[UUID] = set()

    def written(one: Any) -> Any:
        if isinstance(one, Output):
            found.add(one.job_id)
            said: dict[str, Any] = {REFERENCE: str(one.job_id)}
            return said | {"path": list(one.path)} if one.path else said
        if isinstance(one, Mapping):
            return {key: written(each) for key, each in one.items()}
        if type(one) in (list, tuple):
            return [written(each) for each in one]
        return one

    return Referred(written(value), frozenset(found))


def may_refer(raw: str) -> bool:
    """Whether an input, as JSON, may hold references; what says no costs next to nothing."""
    return _MARK in raw


def references(value: Any) -> frozenset[UUID]:
    """The jobs whose results a decoded input refers to. Raises Invalid for a reference that is none."""
    found: set[UUID] = set()
    resolved(value, lambda job_id, _path: found.add(job_id))
    return frozenset(found)


def needed_by(input: bytes) -> tuple[UUID, ...]:
    """The jobs to whose results an input (JSON) refers; what only looks like a reference is none."""
    if not may_refer(text := input.decode()):
        return ()
    try:
        return tuple(sorted(references(msgspec.json.decode(text))))
    except Invalid:
        return ()


def resolved(value: Any, look_up: Callable[[UUID, tuple[str | int, ...]], Any]) -> Any:
    """A decoded input with what `look_up` answers in the place of each reference. Raises Invalid for one that is none."""
    if isinstance(value, dict):
        if REFERENCE in value:
            return look_up(*_read(value))
        return {key: resolved(each, look_up) for key, each in value.items()}
    if isinstance(value, list):
        return [resolved(each, look_up) for each in value]
    return value


def filled(raw: str, ends: Mapping[UUID, JobEnd]) -> str:
    """An input, as JSON, with the results of other jobs in the place of its references.

    A job that did not complete has no result: null. What names a job that is not among `ends` stays as it is.
    Raises Invalid when a result has no such part, or when they are more than 16 MiB together.
    """
    results: dict[UUID, Any] = {}
    size = 0

    def look_up(job_id: UUID, path: tuple[str | int, ...]) -> Any:
        end = ends.get(job_id)
        if end is None:
            return {REFERENCE: str(job_id), "path": list(path)}
        if end.status != JobStatus.COMPLETED:
            return None
        if job_id not in results:
            results[job_id] = end.result
        part = results[job_id]
        for at, name in enumerate(path):
            try:
                part = part[name]
            except (KeyError, IndexError, TypeError):
                shown = "".join(f"[{each!r}]" for each in path[: at + 1])
                raise Invalid(f"the result of job {job_id} has no {shown}, which the input refers to") from None
        return counted(part)

    def counted(part: Any) -> msgspec.Raw:
        nonlocal size
        raw = msgspec.json.encode(part)
        size += len(raw)
        if size > MOST_FILLED:
            raise Invalid(
                f"the results that the input refers to are more than {MOST_FILLED >> 20} MiB; "
                "let the job read them from assets, or refer to the parts of them that it needs"
            )
        return msgspec.Raw(raw)

    return msgspec.json.encode(resolved(msgspec.json.decode(raw), look_up)).decode()


def verdict(mode: str, policy: str, ends: Sequence[JobEnd]) -> JobEnd | list[UUID]:
    """What keeps a job that needs these from beginning: one that ended badly, or those that have not ended; [] is nothing."""
    bad, still = [end for end in ends if end.bad], [end.job_id for end in ends if not end.ended]
    if mode == DependsMode.ANY:
        if len(bad) + len(still) < len(ends) or (bad and policy == DependencyPolicy.RUN):
            return []
        return still or bad[0]
    if bad and policy != DependencyPolicy.RUN:
        return bad[0]
    return still


def circle(edges: Iterable[tuple[UUID, UUID]]) -> list[UUID] | None:
    """A way from a job over those that it needs back to itself, or None. Both ends of the way are the same job."""
    needs: dict[UUID, list[UUID]] = {}
    for job, need in edges:
        needs.setdefault(job, []).append(need)
    over: set[UUID] = set()
    for start in needs:
        way: list[UUID] = []
        on_way: set[UUID] = set()
        todo: list[tuple[UUID, bool]] = [(start, True)]
        while todo:
            job, enters = todo.pop()
            if not enters:
                on_way.discard(way.pop())
                over.add(job)
                continue
            if job in on_way:
                return [*way[way.index(job) :], job]
            if job in over or job not in needs:
                continue
            way.append(job)
            on_way.add(job)
            todo.append((job, False))
            todo += [(need, True) for need in needs[job]]
    return None


def shown(way: Sequence[UUID]) -> str:
    """A way as a message has it."""
    return " → ".join(str(job) for job in way)


def drawn(branches: Sequence[Branch]) -> Iterator[tuple[str, Branch]]:
    """The jobs in the order of a tree, each with the lines that lead to it."""
    below: dict[UUID | None, list[Branch]] = {}
    for branch in branches:
        below.setdefault(branch.parent_id if branch.depth else None, []).append(branch)
    todo = [("", "", branch) for branch in reversed(below.get(None, []))]
    while todo:
        lead, own, branch = todo.pop()
        yield lead + own, branch
        children = below.get(branch.id, [])
        stem = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[own]
        last = len(children) - 1
        todo += [(stem, "└─ " if at == last else "├─ ", child) for at, child in reversed(list(enumerate(children)))]


def _read(said: Mapping[str, Any]) -> tuple[UUID, tuple[str | int, ...]]:
    wrong = (
        f'a reference to a result is written {{{_MARK}: job id, "path": [names and indexes]}}, not {str(said)[:200]}'
    )
    path = said.get("path", [])
    parts = isinstance(path, list) and len(path) <= _LONGEST_PATH and all(type(one) in (str, int) for one in path)
    if not parts or set(said) - {REFERENCE, "path"} or not isinstance(said[REFERENCE], str):
        raise Invalid(wrong, fields={REFERENCE: "not a reference"})
    try:
        return UUID(said[REFERENCE]), tuple(path)
    except ValueError:
        raise Invalid(wrong, fields={REFERENCE: "not an id"}) from None
