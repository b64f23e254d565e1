"""An app whose jobs go on when the test says so, and workers for it that are real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cli.terminal import Started, until
from database import Database

from jobtrail.client import Client
from jobtrail.core.model import Job

APP = '''
import asyncio
from pathlib import Path
from typing import Annotated, Literal

import jobtrail as jt

app = jt.App()
HERE = Path(__file__).parent

async def told(word: str) -> str:
    """Waits until the test says the word."""
    while not (HERE / word).exists():
        await asyncio.sleep(0.02)
    return word

async def part(n: int) -> str:
    return f"part {n}"

@app.job("clip.render", retry=jt.Retry(max_attempts=3))
async def render(ctx: jt.Context, title: str, quality: Literal["720p", "1080p"] = "1080p", publish: bool = True) -> str:
    """Renders a clip."""
    async with ctx.phase("SETUP"):
        await ctx.step("fetch", part, 1)
    ctx.log.info("fetched", clip=title)
    ctx.progress(30)
    await ctx.step("encode", told, "encode")
    ctx.progress(70)
    if publish:
        async with ctx.phase("VALIDATION"):
            await ctx.gate("Publish it?")
    return f"{title} in {quality}"

@app.job("clip.check", retry=1)
async def check(ctx: jt.Context, pages: int) -> int:
    """Fails without pages."""
    if pages < 1:
        raise ValueError("there are no pages")
    return pages

@app.job("clip.endless")
async def endless(ctx: jt.Context) -> None:
    """Goes on until somebody stops it."""
    await ctx.step("wait", told, "never")
'''


@dataclass
class Tour:
    """The database, its jobs, and the workers that run."""

    database: Database
    folder: Path
    client: Client
    workers: list[Started] = field(default_factory=list)

    def say(self, word: str) -> None:
        """Lets a step go on."""
        (self.folder / word).touch()

    @contextmanager
    def working(self, count: int = 1) -> Iterator[None]:
        """Workers for the length of a block."""
        try:
            for _ in range(count):
                self.start()
            until(lambda: sum(worker.leased for worker in self.client.workers()) == count)
            yield
        finally:
            for worker in self.workers:
                worker.process.kill()
                worker.process.wait()
                worker.join()
            self.workers.clear()

    def start(self) -> None:
        """One worker more."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JOBTRAIL_")}
        environment |= {"JOBTRAIL_DATABASE_URL": self.database.app_url}
        folders = {f"JOBTRAIL_{each.upper()}_DIR": str(self.folder / each) for each in ("assets",)}
        process = subprocess.Popen(
            [sys.executable, "-m", "jobtrail", "worker", "start", "app.py", "--slots", "2"],
            cwd=self.folder, env=environment | folders, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.workers.append(Started(process))

    def kill_holder(self, id: UUID) -> int:
        """Ends the worker that runs a job by signal 9, as a crash would; answers its process id."""
        (holder,) = (worker for worker in self.client.workers() if worker.leased and worker.running)
        os.kill(holder.process_id, signal.SIGKILL)
        return holder.process_id

    def until(self, id: UUID, status: str) -> Job:
        """The job as soon as it stands so."""
        until(lambda: self.client.get(id).status == status)
        return self.client.get(id)

    def newest(self, type: str) -> Job:
        """The newest job of a type."""
        return next(job for job in self.client.list_jobs() if job.type == type)


@contextmanager
def tour(database: Database, folder: Path) -> Iterator[Tour]:
    """The app in a folder, and nobody at work yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.py").write_text(APP)
    with Client(database.app_url) as client:
        yield Tour(database, folder, client)
