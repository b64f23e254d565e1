"""An agent's bad days: a refusal, a crash between any two of its steps."""
# ruff: noqa: S101  (pytest asserts)

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from agent import agent

from jobtrail.testing import Lab


def test_the_agent_asks_before_it_publishes_and_books_what_it_used(jobtrail: Lab, tmp_path: Path) -> None:
    job = agent.enqueue(goal="the week", folder=str(tmp_path))
    jobtrail.drain()
    assert jobtrail.waiting(job).question == "May the agent publish summary?"
    assert not (tmp_path / "published.txt").exists()
    jobtrail.approve(job)
    jobtrail.drain()
    assert (job.result().turns, job.result().cost_usd) == (3, Decimal("0.000900"))
    assert jobtrail.steps(job)[:4] == ["think", "read", "think", "write"]
    assert sum(call.output_tokens for call in jobtrail.client.usage(job.id)) == 450
    assert jobtrail.logs(job)[0] == "I need the numbers first."


def test_a_refusal_ends_it(jobtrail: Lab, tmp_path: Path) -> None:
    job = agent.enqueue(goal="the week", folder=str(tmp_path))
    jobtrail.drain()
    jobtrail.reject(job, comment="not this week")
    jobtrail.drain()
    assert jobtrail.job(job).status == "CANCELLED"
    assert not (tmp_path / "published.txt").exists()


def test_the_worker_may_die_anywhere(jobtrail: Lab, tmp_path: Path) -> None:
    report = jobtrail.crash_everywhere(agent, goal="the week", folder=str(tmp_path))
    assert report.status == "COMPLETED"
    assert (tmp_path / "published.txt").read_text() == "the week: 42 orders"
