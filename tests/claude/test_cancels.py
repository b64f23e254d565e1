"""Stop must really stop: jobs are cancelled at random moments, whatever their tools have started and wherever that went."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from claude.fake_claude import install
from claude.station import Station, station, until
from database import Database

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
CANCELS = 100 if DEEP else 12
AT_ONCE = 4
LENGTH_SECONDS = 2.0  # about as long as a job takes that nobody cancels


def turn(word: str) -> dict[str, Any]:
    """An agent whose tools leave processes behind: in sessions of their own, without any environment, deaf to signals."""
    stay = f"exec sleep 86{word}"
    quiet = ">/dev/null 2>&1 </dev/null &"
    events: list[dict[str, Any]] = [
        {"grandchild": int(f"86{word}")},
        {"tool": "Bash", "run": f"setsid sh -c '{stay}' {quiet}"},
        {"tool": "Bash", "run": "sleep 0.4"},
        {"tool": "Bash", "run": f"setsid env -i sh -c '{stay}' {quiet}"},
        {"tool": "Bash", "run": "sleep 0.4"},
        {"tool": "Bash", "run": f"setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 86{word}; done' {quiet}"},
        {"tool": "Bash", "run": "sleep 0.4"},
        {"say": "All is done."},
    ]
    return {"events": events}


@pytest.fixture
def word() -> str:
    """What the command lines of this test's processes have in common, and no others'."""
    return str(random.SystemRandom().randrange(100_000, 1_000_000))


@pytest.fixture
def there(database: Database, tmp_path: Path, word: str) -> Iterator[Station]:
    fake = install(tmp_path / "bin", [turn(word)])
    with station(database, tmp_path, {"JOBTRAIL_CLAUDE_PATH": str(fake.path)}, slots=AT_ONCE) as there:
        yield there


@pytest.mark.timeout(900)
def test_a_cancel_at_any_moment_leaves_no_process_and_a_truthful_end(
    there: Station, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("JOBTRAIL_SEED") or random.SystemRandom().randrange(1 << 32))
    chance = random.Random(seed)
    there.start()
    ends: Counter[str] = Counter()
    waits: list[float] = []
    for _ in range(0, CANCELS, AT_ONCE):
        moments = [chance.uniform(0, LENGTH_SECONDS * 1.1) for _ in range(AT_ONCE)]
        ids = there.cancelled_at(moments, {"prompt": "Do it."})
        asked = time.monotonic()
        ends.update(there.truthful(id, "All is done.") for id in ids)
        until(lambda: not there.named(f"86{word}"), lambda: f"seed {seed}: {there.named(f'86{word}')}", 10)
        waits.append(time.monotonic() - asked)
    assert sum(ends.values()) == CANCELS and ends["CANCELLED"] > 0, ends
    there.verified()
    assert there.terminate() == 0
    with capsys.disabled():
        print(f"\n  {CANCELS} cancels: {dict(ends)}, nothing left after at most {max(waits):.2f} s, seed {seed}")  # noqa: T201
