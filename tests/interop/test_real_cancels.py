"""Stop must really stop the real Claude Code as well, whatever its tools have started."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest
from claude.station import until
from interop.conftest import Opened
from interop.messages_api import MODEL, Answer, bash, say

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
CANCELS = 20 if DEEP else 4
AT_ONCE = 2
LENGTH_SECONDS = 4.0  # about as long as a job takes that nobody cancels


def answers(word: str) -> list[Answer]:
    """An agent whose tools leave processes behind: in sessions of their own, without any environment, deaf to signals."""
    quiet = ">/dev/null 2>&1 </dev/null &"
    deaf = f"trap '' TERM INT HUP; while :; do sleep 86{word}; done"
    return [
        bash(f"setsid sleep 86{word} {quiet} sleep 0.5"),
        bash(f"setsid env -i sleep 86{word} {quiet} sleep 0.5"),
        bash(f'setsid sh -c "{deaf}" {quiet} sleep 0.5'),
        bash("sleep 0.5"),
        say("All is done."),
    ]


@pytest.mark.timeout(900)
def test_a_cancel_at_any_moment_leaves_no_process_and_a_truthful_end(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBTRAIL_SEED") or random.SystemRandom().randrange(1 << 32))
    word = str(random.SystemRandom().randrange(100_000, 1_000_000))
    chance = random.Random(seed)
    there, _ = opened(answers(word))
    there.start()
    ends: Counter[str] = Counter()
    waits: list[float] = []
    for _ in range(0, CANCELS, AT_ONCE):
        moments = [chance.uniform(0, LENGTH_SECONDS * 1.1) for _ in range(AT_ONCE)]
        ids = there.cancelled_at(moments, {"prompt": "Do it.", "allowed_tools": ["Bash"], "model": MODEL})
        asked = time.monotonic()
        ends.update(there.truthful(id, "All is done.") for id in ids)
        until(lambda: not there.named(f"86{word}"), lambda: f"seed {seed}: {there.named(f'86{word}')}", 10)
        waits.append(time.monotonic() - asked)
    assert sum(ends.values()) == CANCELS, ends
    there.verified()
    assert there.terminate() == 0
    with capsys.disabled():
        print(f"\n  {CANCELS} cancels: {dict(ends)}, nothing left after at most {max(waits):.2f} s, seed {seed}")  # noqa: T201
