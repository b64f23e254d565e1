"""Programs that end without waiting until their last words are read."""

from __future__ import annotations

import asyncio
import os
import sys

from jobtrail.process.supervise import Ended, Reason, Source, Spec, run

SAYS = 600_000  # more than a pipe usually holds
HASTY = f"""
import os
os.set_blocking(1, False)
said = os.write(1, b"x" * {SAYS})
raise SystemExit(0 if said == {SAYS} else 3)
"""


async def heard(*, hasty: bool) -> tuple[Ended, int]:
    """How it ended that says all at once and goes, and how much of it came, to somebody who reads slowly."""
    came = 0

    async def take(source: Source, data: bytes) -> None:
        nonlocal came
        came += len(data)
        await asyncio.sleep(0.01)

    argv = [sys.executable, "-I", "-S", "-c", HASTY]
    what = Spec(argv=argv, env={"PATH": os.environ["PATH"]}, marker=os.urandom(8).hex(), hasty=hasty)
    return await run(what, on_output=take, cancelled=asyncio.Event()), came


async def test_what_a_hasty_program_says_last_is_not_lost() -> None:
    ended, came = await heard(hasty=True)
    assert (ended.reason, ended.exit_code, came) == (Reason.EXITED, 0, SAYS)
    ended, came = await heard(hasty=False)
    assert ended.exit_code == 3 and came < SAYS
