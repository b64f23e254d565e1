"""`jobtrail init`: a first project. Nothing that is there is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from jobtrail.cli import show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.telling import notice
from jobtrail.core.errors import Misconfigured

_IGNORED: Final = ".jobtrail/"

_APP: Final = '''"""The jobs of this project. Run one: jobtrail run hello name=Ana"""

import jobtrail as jt

app = jt.App()


@app.job("hello", retry=jt.Retry(max_attempts=3))
async def hello(ctx: jt.Context, name: str, times: int = 3) -> str:
    """Greets somebody. A finished step is never run again, even if the worker dies."""
    greeting = await ctx.step("think of a greeting", think, name)
    for number in range(1, times + 1):
        await ctx.step(f"say it, {number}", say, greeting)
        ctx.progress(100 * number / times)
    return greeting


def think(name: str) -> str:
    """A step is an ordinary function; its arguments and its result are plain values."""
    return f"Hello, {name}!"


def say(greeting: str) -> None:
    """What a job prints goes to its log: jobtrail job logs"""
    print(greeting)
'''

_TEST: Final = '''"""Tests of the jobs, on a database that is made and thrown away. Run them: pytest"""

import jobtrail as jt
import pytest
from jobtrail.testing import Lab

from app import hello, think


def test_it_thinks_of_the_name() -> None:
    assert think("Ana") == "Hello, Ana!"


def test_input_that_does_not_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(jt.JobtrailError, match="times"):
        hello.new(name="Ana", times="often")  # type: ignore[arg-type]


def test_it_ends_the_same_wherever_its_worker_is_killed(jobtrail: Lab) -> None:
    jobtrail.crash_everywhere(hello, name="Ana", times=1)
'''

_SETTINGS: Final = """# Settings of this project; each can also be given as an environment variable: JOBTRAIL_SLOTS=16
app = "app:app"
slots = 8

[retention]
jobs-days = 90
logs-days = 30
"""


def init(folder: Annotated[Path, Plain] = Path(), /, *, flags: Flags = NO_FLAGS) -> int:
    """Write a first app.py with its test, and jobtrail.toml, here; what is there stays as it is.

    Parameters
    ----------
    folder
        Where; made if it is not there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = [
            _written(folder / "app.py", _APP),
            _written(folder / "test_app.py", _TEST),
            _written(folder / "jobtrail.toml", _SETTINGS),
            _ignored(folder / ".gitignore"),
        ]
    except OSError as error:
        raise Misconfigured(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    show.rows(done, [show.Column("FILE", lambda one: one["file"]), show.Column("DONE", lambda one: one["done"])], flags)
    into = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    notice(f"next: {into}jobtrail run hello name=Ana     then: jobtrail dev")
    return 0


def _written(path: Path, text: str) -> dict[str, str]:
    try:
        with path.open("x", encoding="utf-8") as file:  # x: never over something that is there
            file.write(text)
    except FileExistsError:
        return {"file": str(path), "done": "was there, left as it is"}
    return {"file": str(path), "done": f"written, {words.counted(text.count(chr(10)), 'line')}"}


def _ignored(path: Path) -> dict[str, str]:
    """Adds the folder of the embedded database to what git leaves alone."""
    before = path.read_text("utf-8") if path.exists() else ""
    if _IGNORED in before.split():
        return {"file": str(path), "done": f"names {_IGNORED} already"}
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if not before or before.endswith("\n") else "\n") + _IGNORED + "\n")
    return {"file": str(path), "done": f"+ {_IGNORED}"}
