"""Renders MOVES for those who cannot import it: the database's guard and the diagram in the docs."""

from __future__ import annotations

from collections import defaultdict

from jobtrail.core.status import ATTEMPT_MOVES, MOVES, STEP_MOVES, JobStatus

_HEAD = "-- Rendered from jobtrail.core.status; `python -m jobtrail.core.render` writes it anew. Do not edit.\n"


def moves_sql() -> str:
    """The guard's functions: may a job, an attempt, a step go from here to there? A null is a no."""
    by_event: dict[str, list[str]] = defaultdict(list)
    for move in MOVES:
        source = "was is null" if move.source is None else f"was = '{move.source}'"
        by_event[move.event].append(f"({source} and becomes = '{move.target}')")
    cases = "\n".join(f"    when '{event}' then {' or '.join(pairs)}" for event, pairs in by_event.items())
    return (
        _HEAD
        + "create or replace function jobtrail.job_may_move(was jobtrail.job_status, becomes jobtrail.job_status,\n"
        + "  event text) returns boolean language sql immutable parallel safe as $$\n"
        + f"  select (case event\n{cases}\n    else false end) is true\n$$;\n"
        + _pairs("attempt", sorted(ATTEMPT_MOVES, key=str))
        + _pairs("step", sorted(STEP_MOVES, key=str))
    )


def _pairs(thing: str, moves: list[tuple[object, object]]) -> str:
    rows = [
        f"    ({'was is null' if was is None else f'was = {str(was)!r}'} and becomes = '{becomes}')"
        for was, becomes in moves
    ]
    return (
        f"create or replace function jobtrail.{thing}_may_move(was jobtrail.{thing}_status,\n"
        f"  becomes jobtrail.{thing}_status) returns boolean language sql immutable parallel safe as $$\n"
        f"  select (\n" + "\n    or".join(rows) + "\n  ) is true\n$$;\n"
    )


def moves_mermaid() -> str:
    """The state diagram of a job, for the docs."""
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for move in MOVES:
        if move.source is not move.target:
            edges[(str(move.source or "[*]"), str(move.target))].append(move.event)
    lines = [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in edges.items()]
    ends = [f"    {JobStatus.COMPLETED} --> [*]"]
    return "\n".join(["stateDiagram-v2", *lines, *ends]) + "\n"


if __name__ == "__main__":
    print(moves_sql(), end="")  # noqa: T201  (the one job of this command)
