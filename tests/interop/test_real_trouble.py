"""The real Claude Code when things go wrong around it, and when much goes on at once."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from claude.station import Station, reach, until
from interop.conftest import Opened
from interop.messages_api import MODEL, OVERLOADED, Answer, Asked, Fault, MessagesApi, Tokens, bash, say, use

pytestmark = pytest.mark.timeout(900)

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
KILLS = 20 if DEEP else 3
ALLOWED = {"allowed_tools": ["Bash", "Write"], "model": MODEL}
ONCE = {"env": {"CLAUDE_CODE_MAX_RETRIES": "1"}}
CALL = Decimal("0.00062085")  # of the usual tokens


def test_an_overloaded_api_is_tried_again_later_in_the_same_session(opened: Opened) -> None:
    troubles = [OVERLOADED] * 2  # the program asks once more by itself

    def story(asked: Asked) -> Answer | Fault:
        if asked.answers == 0:
            return bash("echo one")
        return troubles.pop() if troubles else say("Done.")

    there, _ = opened(story)
    there.start()
    id = there.enqueue({"prompt": "Do it.", **ALLOWED, **ONCE}, backoff_delay_ms=10)
    assert there.over(id).status == "COMPLETED", there.story(id)
    first, second = there.attempts(id)
    assert (first.status, first.error_code, second.status) == ("FAILED", "api_error", "COMPLETED")
    assert first.session_id == second.session_id and there.output(id)["result"] == "Done."
    assert sum(row.cost_usd or 0 for row in there.client.usage(id)) == 2 * CALL
    there.verified()


def test_a_connection_that_breaks_in_the_middle_of_an_answer_costs_nothing(opened: Opened) -> None:
    cuts = [Answer(text="Half an ans", cut=True)] * 2

    def story(asked: Asked) -> Answer:
        return cuts.pop() if cuts else say("A whole answer.")

    there, api = opened(story)
    there.start()
    id = there.enqueue({"prompt": "Say something.", **ALLOWED})
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert there.output(id)["result"] == "A whole answer." and len(api.asked) == 3
    assert [row.cost_usd for row in there.client.usage(id)] == [CALL]


def test_an_api_that_says_nothing_ends_in_the_idle_timeout(opened: Opened) -> None:
    there, api = opened(lambda _: say("Never.", hold=threading.Event()))
    there.start()
    id = there.enqueue({"prompt": "Say something.", "idle_timeout": "3s", **ALLOWED}, max_attempts=1)
    api.wait_for(1)
    job = there.over(id)
    assert (job.status, job.error_code) == ("FAILED", "idle_timeout"), there.story(id)
    assert there.attempts(id)[0].status == "TIMED_OUT" and there.left([id]) == []
    there.verified()


def test_what_a_check_finds_goes_back_to_the_agent(opened: Opened) -> None:
    def story(asked: Asked) -> Answer:
        if any("it is not there yet" in text for text in asked.said):
            return say("Now it is there.") if "mended" in asked.results else bash("touch there && echo mended")
        return say("It is done.")

    there, _ = opened(story)
    there.start()
    check = {"name": "there", "run": ["sh", "-c", "test -e there || { echo it is not there yet; exit 1; }"]}
    id = there.enqueue({"prompt": "Make it.", "checks": [check], **ALLOWED})
    assert there.over(id).status == "COMPLETED", there.story(id)
    output = there.output(id)
    assert (output["result"], output["invocations"], output["continuations"]) == ("Now it is there.", 2, 1)
    assert [one["passed"] for one in output["checks"]] == [True]
    assert {"gate.failed", "gate.passed"} <= set(there.told(id))
    assert sum(row.cost_usd or 0 for row in there.client.usage(id)) == 3 * CALL == Decimal(output["cost_usd"])
    there.verified()


def test_people_raise_a_budget_and_the_session_goes_on(opened: Opened) -> None:
    there, _ = opened([bash("echo one"), bash("echo two"), say("Done.")])
    there.start()
    id = there.enqueue({"prompt": "Go on.", "budget": {"usd": "0.001", "on_exceeded": "ask"}, **ALLOWED})
    job = there.until(id, "PENDING", "FAILED", "COMPLETED")
    assert (job.status, job.wait_reason) == ("PENDING", "GATE"), there.story(id)
    (gate,) = there.client.gates(job_id=id)
    there.client.decide(gate.id, approve=True, form={"usd": 1})
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert there.output(id)["result"] == "Done." and len({one.session_id for one in there.attempts(id)}) == 1
    there.verified()


def test_a_very_long_answer_and_strange_bytes_arrive(opened: Opened) -> None:
    long = "ä☃\U0001f600" * 25_000  # 225 kB: more than a model says in one go
    there, _ = opened([bash(r"printf '\000\377\033[31m\r\nx'; printf '%0100000d' 7"), say(long)])
    there.start()
    id = there.enqueue({"prompt": "Say much.", **ALLOWED})
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert there.output(id)["result"] == long, "the program ends without waiting until its last line is read"
    assert [row.cost_usd for row in there.client.usage(id)] == [2 * CALL]
    there.verified()


def test_what_a_sub_agent_uses_is_counted(opened: Opened) -> None:
    inner = Tokens(input=1_000, output=500, cache_read=0, cache_creation=0)

    def story(asked: Asked) -> Answer:
        if any("count the apples" in text for text in asked.said[:3]):
            return say("There are four.", inner)
        task = {"description": "counts", "prompt": "count the apples", "subagent_type": "general-purpose"}
        return use("Task", task) if asked.answers == 0 else say("Four apples.")

    there, api = opened(story)
    there.start()
    id = there.enqueue({"prompt": "How many?", "allowed_tools": ["Task"], "model": MODEL})
    assert there.over(id).status == "COMPLETED", there.story(id)
    rows = there.client.usage(id)
    told = api.delivered
    assert inner in told, there.story(id)
    assert sum(row.input_tokens for row in rows) == sum(one.input + one.cache_creation for one in told)
    assert sum(row.output_tokens for row in rows) == sum(one.output for one in told)
    there.verified()


def test_many_at_once_share_a_home_and_do_not_disturb_each_other(opened: Opened) -> None:
    count = 12 if DEEP else 6
    there, _ = opened(lambda asked: bash("echo $PWD") if asked.answers == 0 else say(f"It was {asked.said[-1][-8:]}."))
    there.slots = count
    there.start()
    ids = [there.enqueue({"prompt": f"I am number {number:03}", **ALLOWED}) for number in range(count)]
    for number, id in enumerate(ids):
        assert there.over(id).status == "COMPLETED", there.story(id)
        assert f"{number:03}" in there.output(id)["result"], there.story(id)
        assert [row.cost_usd for row in there.client.usage(id)] == [2 * CALL]
    assert len({there.attempts(id)[0].session_id for id in ids}) == count
    there.nothing_left(ids)
    there.verified()


def test_a_program_that_is_not_there_is_said(opened: Opened, tmp_path: Path) -> None:
    there, _ = opened([say("Never.")], JOBTRAIL_CLAUDE_PATH=str(tmp_path / "nothing"))
    there.start()
    id = there.enqueue({"prompt": "Hello."})
    job = there.over(id)
    assert job.status == "FAILED" and "JOBTRAIL_CLAUDE_PATH" in (job.error_message or ""), there.story(id)


def test_workers_may_die_at_any_moment_and_every_session_goes_on(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBTRAIL_SEED") or random.SystemRandom().randrange(1 << 32))
    steps = [bash(f"sleep 0.3; echo {number}") for number in range(6)]
    there, api = opened([*steps, say("All six.")])
    ids: list[UUID] = []
    chance = random.Random(seed)
    for _ in range(KILLS):
        if all_over(there, ids):
            ids += [there.enqueue({"prompt": "Six steps.", **ALLOWED}) for _ in range(3)]
        there.start()
        asks_more(there, api, ids)
        reach(time.monotonic() + chance.uniform(0, 1.5))
        there.kill()
    there.start()
    until(lambda: all_over(there, ids), lambda: "\n".join(there.story(id) for id in ids))
    ends = Counter(attempt.status for id in ids for attempt in there.attempts(id))
    for id in ids:
        assert there.output(id)["result"] == "All six.", there.story(id)
        rows = there.client.usage(id)
        turns = [step for step in there.client.steps(id) if step.name.startswith("agent turn")]
        assert len(rows) == len(turns), there.story(id)
    rows = [row for id in ids for row in there.client.usage(id) if row.cost_usd is not None]
    heard = sum(row.output_tokens for row in rows)
    assert heard <= sum(one.output for one in api.delivered), "more was booked than was ever told"
    there.nothing_left(ids)
    there.verified()
    with capsys.disabled():
        print(f"\n  {KILLS} kills, attempts {dict(ends)}, {len(api.delivered)} answers, seed {seed}", file=sys.stderr)  # noqa: T201


def asks_more(there: Station, api: MessagesApi, ids: list[UUID]) -> None:
    """Waits until an agent asks the model for something, or has nothing more to ask."""
    seen = len(api.asked)
    until(lambda: all_over(there, ids) or len(api.asked) > seen, "an agent is at work")


def all_over(there: Station, ids: list[UUID]) -> bool:
    """Whether all jobs are done. One that is quarantined is started again."""
    jobs = [there.job(id) for id in ids]
    for job in jobs:
        if job.status == "FAILED":
            there.client.retry(job.id)
    return all(job.status == "COMPLETED" for job in jobs)
