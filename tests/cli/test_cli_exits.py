"""Exit codes: one for each family of errors, one for each end of a job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobtrail.cli import exits
from jobtrail.core import errors
from jobtrail.core.errors import JobtrailError
from jobtrail.core.status import FINAL, JobStatus


def families() -> Iterator[type[JobtrailError]]:
    yield from (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, JobtrailError))


@pytest.mark.parametrize("kind", [kind for kind in families() if kind is not JobtrailError])
def test_every_error_of_ours_has_a_code_of_its_family(kind: type[JobtrailError]) -> None:
    family = next(base for base in kind.__mro__ if JobtrailError in base.__bases__)
    assert exits.of_error(kind("it went wrong")) == exits.of_error(family("it went wrong")) != exits.UNEXPECTED


def test_the_codes_are_those_of_the_documentation() -> None:
    wanted = {
        errors.Invalid: 2, errors.Misconfigured: 2, errors.Limited: 2, errors.Denied: 4, errors.NotFound: 5,
        errors.Conflict: 6, errors.Unavailable: 69,
    }  # fmt: skip
    assert {kind: exits.of_error(kind("x")) for kind in wanted} == wanted
    assert exits.of_error(TimeoutError()) == 8
    assert exits.of_error(KeyboardInterrupt()) == 130
    assert exits.of_error(ZeroDivisionError()) == exits.of_error(JobtrailError("x")) == 1


def test_a_job_tells_how_it_ended_and_8_before() -> None:
    ends = {status: exits.of_job(status) for status in JobStatus}
    assert {status: code for status, code in ends.items() if status in FINAL} == {
        JobStatus.COMPLETED: 0, JobStatus.FAILED: 3, JobStatus.CANCELLED: 7,
    }  # fmt: skip
    assert {ends[status] for status in JobStatus if status not in FINAL} == {8}


@pytest.mark.parametrize(
    ("statuses", "code"),
    [([], 0), (["COMPLETED"] * 2, 0), (["FAILED"] * 2, 3), (["COMPLETED", "FAILED"], 9), (["FAILED", "CANCELLED"], 9),
     (["COMPLETED", "RUNNING"], 8), (["QUEUED"], 8)],
)  # fmt: skip
def test_several_jobs_have_one_code(statuses: list[str], code: int) -> None:
    assert exits.of_jobs(statuses) == code
