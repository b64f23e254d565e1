"""`jobtrail error`: what failed, in groups that failed alike, and all of a group tried again."""

from __future__ import annotations

from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene

from jobtrail.service import attempts, failures


def failed(scene: Scene, message: str, code: str = "boom") -> UUID:
    fence = scene.start()
    scene.do(attempts.fail(attempts.Failed(fence, code, message, retry_in=None)))
    return fence.job_id


@pytest.fixture
def alike(scene: Scene) -> str:
    """The fingerprint of three jobs that failed alike; another one failed otherwise."""
    for n in range(3):
        failed(scene, f"took {n} s")
    failed(scene, "no disk", code="full")
    groups = scene.do(failures.groups(scene.workspace)).items
    return next(one.fingerprint for one in groups if one.error_code == "boom")


def test_errors_are_listed_with_their_fingerprints(jobtrail: Terminal, alike: str) -> None:
    listed = jobtrail.ok("error", "list", "-o", "json").data
    assert [(one["error_code"], one["jobs"]) for one in listed["items"]] == [("full", 1), ("boom", 3)]
    assert (listed["looked_at"], listed["made_since"]) == (4, None)
    assert alike in jobtrail.ok("error", "list").out
    assert jobtrail.ok("error", "list", "--since", "1h").out.count("fp_") == 2
    assert jobtrail("error", "list", "--since", "tomorrow").code == 2


def test_one_error_is_shown_with_its_jobs(jobtrail: Terminal, alike: str) -> None:
    ran = jobtrail.ok("error", "show", alike, "-o", "json")
    assert (ran.data["jobs"], ran.data["types"], len(ran.data["job_ids"])) == (3, {"demo": 3}, 3)
    assert "took 2 s" in jobtrail.ok("error", "show", alike).out
    assert jobtrail("error", "show", "fp_00000000").code == 5


def test_all_jobs_of_an_error_are_tried_again_and_no_others(jobtrail: Terminal, scene: Scene, alike: str) -> None:
    ran = jobtrail.ok("error", "retry", alike, "-o", "json")
    assert ran.data == {"error": alike, "retried": 3, "skipped": 0}
    (left,) = scene.do(failures.groups(scene.workspace)).items
    assert left.error_code == "full"
    assert jobtrail("error", "retry", alike).code == 5, "nothing of it is left"
