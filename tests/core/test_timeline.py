"""A job over time as rows of bars: what ran twice is there twice, what was remembered says so, and idle time is short."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import spans
from jobtrail.core.model import Attempt, Event, Gate, Job, Step
from jobtrail.core.spent import Spent
from jobtrail.core.timeline import Parts, Shown, Timeline, timeline_of
from jobtrail.core.timerows import MOST_ROWS, Row, Sort, Texture, stem
from jobtrail.core.timescale import WIDTH, merge, scale_of

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID, WORKSPACE, WORKER = uuid4(), uuid4(), uuid4()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Life:
    """A job whose events are written one after the other, at times in seconds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.attempts: list[Attempt] = []
        self.steps: dict[str, Step] = {}
        self.gates: list[Gate] = []
        self.status = "QUEUED"

    def event(
        self, when: float, type: str, status: str | None = None, step: UUID | None = None, **note: object
    ) -> None:
        self.status = status or self.status
        attempt = self.attempts[-1].id if self.attempts else None
        said = note or None
        self.events.append(
            Event(
                ID, len(self.events) + 1, type, self.status, step, attempt, "worker", str(WORKER), said, at(when), b""
            )
        )

    def begin(self, when: float) -> None:
        number = len(self.attempts) + 1
        self.attempts.append(
            Attempt(uuid4(), ID, number, "RUNNING", WORKER, None, None, 0, None, None, None, None, None, None, None, at(when), None)
        )  # fmt: skip
        self.event(when, "job.started", "RUNNING")

    def end(self, when: float, outcome: str, event: str, status: str, code: str | None = None, **note: str) -> None:
        last = self.attempts[-1]
        self.attempts[-1] = Attempt(
            last.id, ID, last.number, outcome, WORKER, None, None, 0, None, None, None, None, code, None, None,
            last.started_at, at(when),
        )  # fmt: skip
        self.event(when, event, status, None, **note)

    def step(self, name: str, begin: float, end: float | None, status: str = "COMPLETED", phase: str = "EXECUTION",
             type: str = "COMMAND") -> UUID:  # fmt: skip
        known = self.steps.get(name)
        id = known.id if known else uuid4()
        ordinal = known.ordinal if known else len(self.steps) + 1
        self.event(begin, "step.started", step=id, step_=name, key=name)
        self.events[-1].payload["step"] = self.events[-1].payload.pop("step_")
        if end is not None:
            self.event(end, f"step.{status.lower()}", step=id, key=name)
            self.events[-1].payload["step"] = name
        self.steps[name] = Step(
            id, ID, self.attempts[-1].id, ordinal, name, name, phase, type, status if end is not None else "RUNNING", None,
            0, 0, None, None, at(begin), None if end is None else at(end), None,
        )  # fmt: skip
        return id

    def parts(self, now: float, **more: object) -> Parts:
        done = at(now) if self.status in ("COMPLETED", "FAILED", "CANCELLED") else None
        job = Job(
            ID, WORKSPACE, None, None, None, None, "demo", "default", self.status, None, None, 5, None, [], {}, len(self.events),
            1, 0, None, len(self.attempts), 0, 0, 3, "FIXED", 0, 0, None, None, None, None, None, None, None, None, None, None,
            None, None, None, None, START, START, START, done, at(now),
        )  # fmt: skip
        return Parts(job=job, attempts=self.attempts, steps=list(self.steps.values()), events=self.events,
                     gates=self.gates, now=at(now), **more)  # type: ignore[arg-type]  # fmt: skip


def row(line: Timeline, id: str) -> Row:
    return next(one for one in line.rows if id in (one.id, one.name))


def lost_once() -> Life:
    """`fetch` is done in attempt 1, `render` is lost with it and runs again in attempt 2."""
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(1)
    life.step("fetch", 1, 3, phase="SETUP")
    life.step("render", 3, None)
    life.end(5, "LOST", "job.lost", "QUEUED")
    life.begin(6)
    life.step("render", 6, 9)
    life.step("sweep", 9, 10, phase="CLEANUP")
    life.end(10, "COMPLETED", "job.completed", "COMPLETED")
    return life


def test_what_ran_twice_is_there_twice_and_what_was_done_is_remembered() -> None:
    line = timeline_of(lost_once().parts(10))
    render = row(line, "render")
    assert [(bar.texture, bar.number, bar.seconds) for bar in render.bars] == [
        (Texture.LOST, 1, 2.0),
        (Texture.DONE, 2, 3.0),
    ]
    assert render.remembered == () and row(line, "fetch").remembered == (2,)
    assert [one.name for one in line.rows if one.sort is Sort.ATTEMPT] == ["attempt 1", "attempt 2"]
    assert [bar.texture for bar in row(line, "waiting").bars] == [Texture.QUEUE, Texture.QUEUE]


def test_bars_lie_where_their_times_are() -> None:
    line = timeline_of(lost_once().parts(10))
    first = row(line, "attempt-1").bars[0]
    assert (round(first.x), round(first.width)) == (100, 400)
    assert line.grows == 0 and all(
        0 <= bar.x <= bar.x + bar.width <= WIDTH + 1e-6 for one in line.rows for bar in one.bars
    )


def test_cleanup_comes_last_and_below_the_rule() -> None:
    rows = timeline_of(lost_once().parts(10)).rows
    assert [one.name for one in rows if one.is_below] == ["Cleanup", "sweep"]
    assert [one.is_below for one in rows] == sorted(one.is_below for one in rows)


def test_a_lost_step_is_not_a_failed_one_although_its_row_says_so() -> None:
    life = lost_once()
    life.attempts, life.events = life.attempts[:1], life.events[:5]
    life.status = "QUEUED"
    life.steps = {"render": replace(life.steps["render"], status="FAILED")}
    assert row(timeline_of(life.parts(6)), "render").status == "LOST"


def test_what_runs_has_room_to_grow() -> None:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    life.step("render", 0, None)
    line = timeline_of(life.parts(100))
    bar = row(line, "render").bars[0]
    assert bar.end is None and bar.texture is Texture.RUN and bar.x + bar.width < WIDTH - 30
    assert line.grows * 100 == row(line, "attempt-1").bars[0].width


def test_a_question_is_a_bar_of_its_own_and_says_who_answered() -> None:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    step = life.step("publish?", 1, None, type="GATE")
    life.end(2, "INTERRUPTED", "gate.requested", "PENDING", "gate", wait_reason="GATE")
    life.gates = [Gate(uuid4(), ID, step, "publish?", [], 1, None, "APPROVED", at(2), None, at(4))]
    life.event(4, "gate.approved", "QUEUED", step=step)
    life.events[-1] = Event(ID, 5, "gate.approved", "QUEUED", step, None, "user", "ben", None, at(4), b"")
    line = timeline_of(life.parts(5))
    gate = row(line, "publish?")
    assert gate.sort is Sort.GATE and gate.status == "APPROVED"
    assert [(bar.texture, bar.says) for bar in gate.bars] == [
        (Texture.PARKED, None),
        (Texture.PEOPLE, "approved by ben"),
    ]
    assert [bar.texture for bar in row(line, "waiting").bars] == [Texture.PEOPLE, Texture.QUEUE]


def test_a_wait_for_jobs_or_signals_is_no_wait_for_a_decision() -> None:
    for reason, words in (("CHILD", "for jobs that it started"), ("DEPENDENCY", "for jobs that it needs")):
        life = Life()
        life.event(0, "job.created", "QUEUED")
        life.begin(0)
        life.end(2, "INTERRUPTED", "job.waiting", "PENDING", "child", wait_reason=reason)
        life.event(9, "job.resumed", "QUEUED")
        first, *_ = row(timeline_of(life.parts(10)), "waiting").bars
        assert (first.texture, spans.waits_for(reason)) == (Texture.PAUSE, words)


def test_a_long_wait_between_attempts_is_drawn_short_unless_the_true_scale_is_wanted() -> None:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    life.end(10, "FAILED", "job.retry_scheduled", "PENDING", "boom", wait_reason="RETRY")
    life.event(3_610, "job.queued", "QUEUED")
    life.begin(3_610)
    life.end(3_620, "COMPLETED", "job.completed", "COMPLETED")
    line = timeline_of(life.parts(3_620))
    (idle,) = line.idle
    assert idle.seconds == 3_600 and idle.right - idle.left < 50
    assert row(line, "attempt-1").bars[0].width > 450
    assert [bar.texture for bar in row(line, "waiting").bars] == [Texture.PAUSE]
    honest = timeline_of(life.parts(3_620), Shown(is_true=True))
    assert honest.idle == () and row(honest, "attempt-1").bars[0].width < 5


def many(steps: int, failed: set[int]) -> Life:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    for n in range(steps):
        life.step(f"render_page {n}", n, n + 1, "FAILED" if n in failed else "COMPLETED")
    life.step("publish", steps, steps + 1)
    return life


def test_steps_of_one_name_become_a_band_when_they_are_too_many() -> None:
    line = timeline_of(many(4_812, {7, 4_000}).parts(4_900))
    band = row(line, "render_page")
    assert band.sort is Sort.BAND and dict(band.counts) == {"COMPLETED": 4_810, "FAILED": 2} and band.status == "FAILED"
    assert len(line.rows) < 10 and len(band.bars) <= 400 and line.hidden == 0
    assert {bar.texture for bar in band.bars} == {Texture.DONE, Texture.FAILED}
    assert row(line, "publish").sort is Sort.STEP
    assert dict(row(line, "Execution").counts) == {"COMPLETED": 4_811, "FAILED": 2}


def test_an_opened_band_shows_its_steps_and_says_what_it_leaves_out() -> None:
    line = timeline_of(many(2_500, set()).parts(2_600), Shown(opened="render_page"))
    assert sum(one.sort is Sort.STEP for one in line.rows) == 2_001 and line.hidden == 500
    assert dict(row(line, "Execution").counts) == {"COMPLETED": 2_501}


def test_only_what_failed_is_shown_when_that_is_asked_for() -> None:
    line = timeline_of(many(1_000, {3, 900}).parts(1_100), Shown(failed_only=True))
    assert [one.name for one in line.rows if one.sort is Sort.STEP] == ["render_page 3", "render_page 900"]
    assert [
        one.name for one in timeline_of(lost_once().parts(10), Shown(failed_only=True)).rows if one.sort is Sort.STEP
    ] == ["render"]


def test_many_names_are_cut_off_and_counted() -> None:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    for n in range(MOST_ROWS + 20):
        life.step("".join(chr(97 + int(digit)) for digit in f"{n:04}"), n, n + 1)
    assert timeline_of(life.parts(400)).hidden == 20


def test_a_step_whose_events_are_gone_is_drawn_from_its_row() -> None:
    life = lost_once()
    life.events = life.events[-1:]
    bars = row(timeline_of(life.parts(10)), "fetch").bars
    assert [(bar.seconds, bar.texture) for bar in bars] == [(2.0, Texture.DONE)]


def test_what_a_step_cost_stands_in_its_row() -> None:
    life = lost_once()
    spent = {life.steps["render"].id: Spent(calls=2, cost_usd=Decimal("0.04"))}
    line = timeline_of(life.parts(10, spent=spent))
    assert row(line, "render").spent == spent[life.steps["render"].id] and row(line, "fetch").spent is None


def test_numbered_names_share_a_stem() -> None:
    assert [stem(name) for name in ("page 12", "page_3", "page#2", "page-4", "2024", "page")] == ["page"] * 4 + [
        "2024",
        "page",
    ]


def test_waits_follow_what_is_waited_for_and_are_one_where_they_touch() -> None:
    life = Life()
    life.event(0, "job.created", "PENDING", wait_reason="SCHEDULE")
    life.event(2, "job.updated", priority=3)
    life.event(5, "job.queued", "QUEUED")
    life.begin(7)
    life.end(8, "FAILED", "job.failed", "FAILED", "boom")
    life.event(20, "job.retried", "QUEUED")
    waits = spans.waits_of(life.events)
    seconds = [
        (one.name, (one.start - START).total_seconds(), one.end and (one.end - START).total_seconds()) for one in waits
    ]
    assert seconds == [("for its time", 0, 5), ("in its queue", 5, 7), ("in its queue", 20, None)]
    assert [(one.name, one.status) for one in spans.together(waits)] == [
        ("for its time", "WAITED"),
        ("in its queue", "WAITS"),
    ]


def test_a_gate_that_a_runner_tells_of_does_not_end_the_step_around_it() -> None:
    life = Life()
    life.event(0, "job.created", "QUEUED")
    life.begin(0)
    step = life.step("agent", 1, None)
    life.event(2, "gate.failed", step=step, told=True, step_="lint")
    life.events[-1].payload["step"] = "lint"
    life.event(3, "step.completed", step=step)
    (runs,) = spans.runs_of(life.attempts, life.events).values()
    assert [(one.name, one.status, one.seconds(at(9))) for one in runs] == [
        ("agent", "COMPLETED", 2.0),
        ("lint", "FAILED", 0.0),
    ]


SECONDS = st.floats(0, 100_000, allow_nan=False)


@given(
    st.lists(st.tuples(SECONDS, SECONDS), max_size=12),
    SECONDS,
    st.lists(SECONDS, min_size=2, max_size=8),
    st.booleans(),
)
def test_a_later_time_never_lies_further_left(
    found: list[tuple[float, float]], length: float, asked: list[float], is_true: bool
) -> None:
    busy = [(at(min(pair)), at(max(pair))) for pair in found]
    scale = scale_of(START, at(length), busy, is_true=is_true)
    places = [scale.x(at(seconds)) for seconds in sorted(asked)]
    assert places == sorted(places) and places[0] >= 0 and places[-1] <= WIDTH
    assert scale.x(START) == 0 and abs(scale.x(scale.end) - WIDTH) < 1e-6
    assert all(one.end == other.start and one.right == other.left for one, other in pairwise(scale.pieces))
    assert all(
        first >= piece.end or last <= piece.start for piece in scale.idle for first, last in busy if first < last
    )
    ticks = scale.ticks()
    assert ticks[0].x == 0 and all(later.x - sooner.x > 50 for sooner, later in pairwise(ticks)) and len(ticks) < 25


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=12))
def test_merged_stretches_are_apart_and_cover_the_same(found: list[tuple[float, float]]) -> None:
    stretches = [(at(min(pair)), at(max(pair))) for pair in found]
    merged = merge(stretches)
    assert all(one[1] < other[0] for one, other in pairwise(merged))
    assert all(any(first <= one[0] and one[1] <= last for first, last in merged) for one in stretches)
