"""What a render's states mean for a job: progress, steps, and whether it still moves. Pure; whoever asks brings the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jobtrail.core.nexrender import ERROR, FINISHED, OVER, QUEUED
from jobtrail.core.status import Phase
from jobtrail.runners.nexrender.wire import Summary


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a render that becomes a step of the job."""

    key: str
    name: str
    phase: Phase
    states: tuple[str, ...]


WAIT: Final = Part("wait", "wait for a node", Phase.SETUP, ("created", QUEUED, "picked"))
PARTS: Final = (
    WAIT,
    Part(
        "download",
        "download and prepare",
        Phase.SETUP,
        (
            "started",
            "render:setup",
            "render:predownload",
            "render:download",
            "render:postdownload",
            "render:prerender",
            "render:script",
        ),
    ),
    Part("render", "render", Phase.EXECUTION, ("render:dorender",)),
    Part("postrender", "actions after the render", Phase.VALIDATION, ("render:postrender",)),
    Part("cleanup", "clean up at the node", Phase.CLEANUP, ("render:cleanup",)),
)
_PART_OF: Final = {state: number for number, part in enumerate(PARTS) for state in part.states}

_PERCENT: Final[Mapping[str, float]] = {
    "created": 0,
    QUEUED: 0,
    "picked": 1,
    "started": 2,
    "render:setup": 3,
    "render:predownload": 4,
    "render:download": 5,
    "render:postdownload": 8,
    "render:prerender": 10,
    "render:script": 12,
    "render:dorender": 15,
    "render:postrender": 90,
    "render:cleanup": 95,
    FINISHED: 97,
}
_RENDERING_PERCENT: Final = 75.0


@dataclass(frozen=True, slots=True)
class Span:
    """When a part of a render began and ended, by the node's clock, in ms since 1970; None: it does not say."""

    began: float | None = None
    ended: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None when that is not known, or cannot be true."""
        if self.began is None or self.ended is None or self.ended < self.began:
            return None
        return round((self.ended - self.began) / 1000, 3)


@dataclass(frozen=True, slots=True)
class Track:
    """How far a render was seen to be. `at` counts PARTS; `moved_at` is when anything changed, by the asker's clock."""

    last: Summary | None = None
    at: int = -1
    moved_at: float = 0.0
    percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look tells. `left` and `entered` are parts whose steps end and begin, in their order; `broke` is the one
    in which the render failed."""

    track: Track
    changed: bool
    stage: str
    left: tuple[Part, ...] = ()
    entered: Part | None = None
    broke: Part | None = None
    put_back: bool = False
    new_error: str | None = None


def look(track: Track, found: Summary, now: float) -> Seen:
    """The next track, and what changed since the last look. A word that is not known is a render that still goes on."""
    last = track.last
    moved = last is None or _mark(found) != _mark(last)
    changed = last is None or found.state != last.state
    at = _PART_OF.get(found.state, len(PARTS) if found.state in OVER else max(track.at, 0))
    put_back = found.state == QUEUED and track.at > 0
    percent = percent_of(found, track.percent)
    behind = found.error != (last.error if last is not None else None) and found.state not in OVER
    seen = Seen(
        track=Track(found, at, now if moved else track.moved_at, percent),
        changed=changed,
        stage=stage_of(found.state),
        put_back=put_back,
        new_error=found.error if behind else None,
    )
    if at <= track.at:
        return replace(seen, track=replace(seen.track, at=0 if put_back else track.at))
    if found.state == ERROR:
        noted = (number for number, part in enumerate(PARTS) if number and _first(found, (part,)) is not None)
        broke = max((track.at, *noted))
        return replace(seen, left=PARTS[max(track.at, 0) : max(broke, 0)], broke=PARTS[broke] if broke >= 0 else None)
    return replace(seen, left=PARTS[max(track.at, 0) : at], entered=PARTS[at] if at < len(PARTS) else None)


def stalled(track: Track, now: float, after: float) -> bool:
    """Whether a node that has taken the render shows no change for `after` seconds. Waiting for a node is no stall."""
    if track.last is None or track.last.state in OVER or track.last.state in ("created", QUEUED):
        return False
    return now - track.moved_at >= after


def percent_of(found: Summary, before: float) -> float:
    """Percent of the job: the render itself is three quarters of it."""
    percent = _PERCENT.get(found.state, before)
    if found.state == "render:dorender":
        percent += (found.progress or 0.0) / 100 * _RENDERING_PERCENT
    return percent


def stage_of(state: str) -> str:
    """The job's stage: the state's own word.

    >>> stage_of("render:dorender"), stage_of("render:download"), stage_of("picked")
    ('rendering', 'download', 'picked')
    """
    return {"render:dorender": "rendering", FINISHED: "verifying"}.get(state, state.removeprefix("render:"))


def span_of(part: Part, found: Summary) -> Span:
    """When a part was, by the times that the node noted: it ended when the next one that was noted began."""
    number = PARTS.index(part)
    if part is WAIT:
        return Span(ms(found.created_at), _first(found, PARTS[1:]) or ms(found.started_at))
    began = _first(found, (part,))
    if part.key == "download":
        began = began or ms(found.started_at)
    ended = _first(found, PARTS[number + 1 :])
    return Span(began, ended if ended is not None else ms(found.finished_at))


def whole_span(found: Summary) -> Span:
    """From when a node began to its end."""
    began = ms(found.started_at) or _first(found, PARTS[1:])
    return Span(began, ms(found.finished_at))


def ms(at: str | None) -> float | None:
    """A time as JavaScript writes it, in ms since 1970; None when it is none."""
    if at is None:
        return None
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000


def _first(found: Summary, parts: tuple[Part, ...]) -> float | None:
    times = [found.timings[state] for part in parts for state in part.states if state in found.timings]
    return min(times, default=None)


def _mark(found: Summary) -> tuple[object, ...]:
    """What changes when a render moves."""
    return found.state, found.progress, found.updated_at
