"""Jobs that wait for others, and trees of jobs, from the command line."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from cli.terminal import Terminal
from scene import Scene

from jobtrail.core.ids import short
from jobtrail.service import usage


def enqueue(jobtrail: Terminal, *words: str) -> str:
    id: str = jobtrail.ok("enqueue", "demo", "--no-check", *words, "-o", "json").data["job"]["id"]
    return id


def test_a_job_waits_for_those_that_are_named_and_those_whose_results_it_wants(
    jobtrail: Terminal, scene: Scene
) -> None:
    first, second, third = (scene.enqueue() for _ in range(3))
    words = ["--after", short(first), "--after", str(second), "--on-dependency", "run", "--depends-mode", "any"]
    job = scene.job(UUID(enqueue(jobtrail, *words, f'x:={{"$result": "{third}"}}')))
    assert (job.status, job.wait_reason, job.on_dependency, job.depends_mode) == ("PENDING", "DEPENDENCY", "RUN", "ANY")
    needed = jobtrail.ok("job", "needs", str(job.id), "-o", "json").data
    assert {one["needs_id"] for one in needed} == {str(first), str(second), str(third)}
    assert "waits for it" in jobtrail.ok("job", "needs", str(first)).out
    assert jobtrail("enqueue", "demo", "--no-check", "--after", short(first), "--on-dependency", "hope").code == 2
    assert jobtrail("enqueue", "demo", "--no-check", "--after", "ffffffff").code == 5


def test_a_tree_shows_all_below_a_job_and_what_it_cost(jobtrail: Terminal, scene: Scene) -> None:
    root = scene.start()
    child = scene.start(parent_id=root.job_id)
    below = scene.enqueue(parent_id=child.job_id, title="the last one")
    scene.do(usage.book(child, 1, usage.Call(provider="p", model="m", cost_usd=Decimal("0.25")), None))
    told = jobtrail.ok("job", "tree", str(root.job_id))
    assert [line.split("\t")[0] for line in told.out.splitlines()[1:]] == [
        str(root.job_id),
        str(child.job_id),
        str(below),
    ]
    assert "3 jobs: 0 completed, 0 failed, 0 cancelled; together 0.25" in told.err
    data = jobtrail.ok("job", "tree", str(root.job_id), "-o", "json").data
    assert [(one["depth"], one["children"]) for one in data["items"]] == [(0, 1), (1, 1), (2, 0)]
    assert jobtrail("job", "tree", "ffffffff").code == 5
