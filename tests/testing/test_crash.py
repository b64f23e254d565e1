"""`crash_everywhere`: kills the worker at each place, and finds what does not survive it."""

from __future__ import annotations

from pathlib import Path

import pytest
from testing import shop

import jobtrail as jt
from jobtrail.testing import Clock, Lab

pytestmark = pytest.mark.timeout(600)  # many workers, one after the other


def test_a_job_of_steps_survives_at_every_place(jobtrail: Lab) -> None:
    report = jobtrail.crash_everywhere(shop.sync, customer="c42")
    assert report.places == (
        "after step 'fetch' began",
        "before step 'fetch' finished",
        "after step 'fetch' finished",
        "after step 'sum' began",
        "before step 'sum' finished",
        "after step 'sum' finished",
        "before the end was written",
    )
    assert (report.status, report.result) == ("COMPLETED", {"rows": 8, "since": "2026-01-01"})
    jobs = jobtrail.jobs("orders.sync")
    assert [job.loss_count for job in jobs] == [0] + [1] * len(report.places)
    assert not jobtrail.clock.frozen


def test_files_gates_and_usage_are_places_too_and_people_decide_as_the_test_says(jobtrail: Lab) -> None:
    report = jobtrail.crash_everywhere(shop.publish, draft="a")
    assert set(report.places) >= {
        "before file 'draft.txt' was kept",
        "after file 'draft.txt' was kept",
        "after gate 'Publish?' was asked",
        "after gate 'Publish?' was passed",
        "before usage was booked",
        "after usage was booked",
    }
    assert jobtrail.crash_everywhere(shop.publish, approve=False, draft="a").status == "CANCELLED"


def test_time_passes_by_itself_and_the_clock_is_as_it_was_afterwards(jobtrail: Lab, clock: Clock) -> None:
    before = clock.now
    assert jobtrail.crash_everywhere(shop.patient, word="a").status == "COMPLETED"
    assert jobtrail.crash_everywhere(shop.flaky).status == "COMPLETED"
    assert (clock.now, clock.frozen) == (before, True)


def test_code_that_does_something_twice_is_found_at_each_place(jobtrail: Lab, tmp_path: Path) -> None:
    path = tmp_path / "written"
    with pytest.raises(AssertionError) as found:
        jobtrail.crash_everywhere(shop.twice, path=str(path), before=lambda: path.unlink(missing_ok=True))
    assert str(found.value).splitlines() == [
        "twice ended otherwise at 4 of 4 places where its worker was killed:",
        "  killed after step 'noted' began: made 2 instead of 1",
        "  killed before step 'noted' finished: made 2 instead of 1",
        "  killed after step 'noted' finished: made 2 instead of 1",
        "  killed before the end was written: made 2 instead of 1",
    ]
    assert jobtrail.crash_everywhere(shop.twice, path=str(path), same=lambda result: result > 0).result is True


def test_steps_that_have_other_names_each_time_are_found(jobtrail: Lab) -> None:
    with pytest.raises(AssertionError, match="the job never came there; its steps are not the same each time"):
        jobtrail.crash_everywhere(shop.unsteady)


def test_jobs_in_processes_of_their_own_survive(jobtrail: Lab) -> None:
    assert jobtrail.crash_everywhere(shop.alone, word="a").result == "AA"


def test_real_workers_are_killed_for_real(jobtrail: Lab, tmp_path: Path) -> None:
    path = tmp_path / "written"
    report = jobtrail.crash_everywhere(shop.safe, real=True, path=str(path))
    assert (len(report.places), report.result) == (4, 1)
    reasons = [worker.stop_reason for worker in jobtrail.client.workers()]
    assert reasons.count("killed by the test") == 4
    with pytest.raises(AssertionError, match="made 2 instead of 1"):
        jobtrail.crash_everywhere(shop.twice, real=True, path=str(path), before=lambda: path.unlink(missing_ok=True))


def test_a_function_that_another_process_cannot_find_is_told(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("inner")
    def inner() -> None: ...

    with pytest.raises(AssertionError, match="must be defined at the top of a module"):
        jobtrail.crash_everywhere(inner, real=True)


def test_a_job_whose_input_is_checked_first_survives_too(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("few", check=lambda n: {"n": "too many"} if n > 3 else {})
    async def few(ctx: jt.Context, n: int) -> int:
        return await ctx.step("count", abs, n)

    jobtrail.use(app)
    report = jobtrail.crash_everywhere(few, n=3)
    assert (report.status, report.result) == ("COMPLETED", 3)


def test_jobs_are_started_once_wherever_the_worker_of_their_parent_is_killed(jobtrail: Lab) -> None:
    report = jobtrail.crash_everywhere(shop.whole, numbers=[1, 2])
    assert (report.status, report.result) == ("COMPLETED", 40)
    assert "after the jobs of 'orders.part' were started" in report.places
    assert "after the jobs of 'orders.part#2' ended" in report.places
    assert len(jobtrail.jobs("orders.part")) == 3 * len(jobtrail.jobs("orders.whole")), "none was started twice"
