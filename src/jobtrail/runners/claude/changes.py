"""What an agent changed in its worktree: as a patch, as files, as a commit on the job's branch. Makes and removes no tree."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import JobtrailError, Limited
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.status import LogLevel, LogSource, Phase, StepStatus, StepType
from jobtrail.runners.claude.git import Git, GitFailed
from jobtrail.runners.claude.worktree import Tree, git_folders, numbered, unlock
from jobtrail.runners.pipeline.files import name_of
from jobtrail.runners.pipeline.step import Host
from jobtrail.runners.protocol import Desk, LogLine

STEP: Final = "changes"
PATCH: Final = "changes.patch"
MAX_KEPT: Final = 200
MAX_FILE_BYTES: Final = 10 << 20
MAX_KEPT_BYTES: Final = 100 << 20
MAX_ADDED_BYTES: Final = 50 << 20  # a new file that is larger is neither in the patch nor in the commit
MAX_LISTED: Final = 1_000
MAX_NOTED: Final = 50
_DIFF: Final = ("diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is different from the base. Binary files count as files, but have no lines. `commit`: the branch's last."""

    files: tuple[str, ...] = ()
    insertions: int = 0
    deletions: int = 0
    branch: str = ""
    commit: str | None = None

    def told(self) -> dict[str, object]:
        """As it stands in the job's result. Names beyond the first thousand are only counted, in `more_files`."""
        return self._listed(MAX_LISTED)

    def noted(self) -> dict[str, object]:
        """As it stands in the trail, where there is less room."""
        return {**self._listed(MAX_NOTED), "branch": self.branch, "commit": self.commit}

    def _listed(self, most: int) -> dict[str, object]:
        more = {"more_files": len(self.files) - most} if len(self.files) > most else {}
        return {"files": list(self.files[:most]), "insertions": self.insertions, "deletions": self.deletions, **more}


async def gather(tree: Tree, *, desk: Desk, host: Host, marker: str) -> Changes | None:
    """Keeps what was changed since the base: `changes.patch` and the changed files; commits if wanted. An ARTIFACT step.

    None: it could not be found out; why is in the step and the log. Raises only what the desk raises.
    """
    begun = await desk.begin_step(numbered(STEP, tree.attempt), STEP, Phase.CLEANUP, StepType.ARTIFACT)
    git = Git(tree.path, tree.home, host, marker)
    look = _Look(tree, git, desk, begun.step_id)
    try:
        changes = await look.at_it()
    except (JobtrailError, OSError) as error:
        text = f"what was changed in {tree.path} could not be kept: {error}"
        look.say(text, LogLevel.WARN)
        await desk.finish_step(begun.step_id, StepStatus.FAILED, None, text)
        return None
    note = changes.noted()
    if changes.files:
        await desk.tell("ai.artifact_created", note, begun.step_id)
    await desk.finish_step(begun.step_id, StepStatus.COMPLETED, msgspec.json.encode(note).decode(), None)
    return changes


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a tree. The index is a copy, unless all is to be committed."""

    tree: Tree
    git: Git
    desk: Desk
    step_id: UUID

    def say(self, text: str, level: LogLevel = LogLevel.INFO) -> None:
        self.desk.log(LogLine(text, level, LogSource.SYSTEM, component=STEP), self.step_id)

    async def at_it(self) -> Changes:
        folders = await git_folders(self.git)
        await asyncio.to_thread(unlock, folders, self.tree.branch)
        with TemporaryDirectory(prefix="jt-changes-") as scratch:
            git = self.git
            if not self.tree.spec.commit:
                index = Path(scratch) / "index"
                await asyncio.to_thread(_copied, folders[0] / "index", index)
                git = replace(git, env={"GIT_INDEX_FILE": str(index)})
            await self._add(git)
            changes, names = _counted(await git(*_DIFF, "--numstat", "-z", self.tree.base))
            if names:
                await self._keep(git, names, Path(scratch) / PATCH)
            commit = await self._commit(git) if self.tree.spec.commit else await git.asks("rev-parse", "HEAD")
        return replace(changes, branch=self.tree.branch, commit=commit)

    async def _add(self, git: Git) -> None:
        """Everything into the index but what is ignored, other repositories, and what is too large."""
        await git("add", "--update", "--ignore-errors", ".")
        listed = (await git("ls-files", "--others", "--exclude-standard", "-z")).split("\0")
        new = [name for name in listed if name and not name.endswith("/")]
        large = await asyncio.to_thread(_large, self.tree.path, new)
        for name in [name for name in listed if name.endswith("/")]:
            self.say(f"{name} is a git repository of its own, and its files are not kept", LogLevel.WARN)
        for name in large:
            self.say(f"{name} is larger than {MAX_ADDED_BYTES} bytes and is not kept", LogLevel.WARN)
        names = [name for name in new if name not in large]
        if names:
            raw = "\0".join(names).encode("utf-8", "surrogateescape")
            words = ("add", "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul")
            code, _, said = await git.tried(*words, stdin=raw)
            if code != 0:
                self.say(f"not every new file could be added: {said}", LogLevel.WARN)

    async def _keep(self, git: Git, names: list[str], patch: Path) -> None:
        words = ("--binary", "--full-index", "--src-prefix=a/", "--dst-prefix=b/")
        try:
            await git(*_DIFF, *words, self.tree.base, into=patch)
            await self.desk.keep(PATCH, patch, "patch", "text/x-diff", self.step_id)
        except (GitFailed, Limited) as error:  # too large: it is on the branch, and the job goes on
            self.say(f"{PATCH} is not kept: {error.message}", LogLevel.WARN)
        files = await asyncio.to_thread(lambda: list(worth_keeping(self.tree.path, names)))
        for path in files:
            await self.desk.keep(name_of(path, self.tree.path), path, "change", None, self.step_id)
        if len(files) < len(names):
            left = len(names) - len(files)
            self.say(f"{left} of {len(names)} changed files are not kept one by one; {PATCH} has them")

    async def _commit(self, git: Git) -> str | None:
        """Everything on the job's branch, also where the agent left it; answers the commit."""
        if (await git.tried("diff", "--cached", "--quiet", "HEAD"))[0] != 0:
            message = f"Changes of job {self.tree.job_id}, attempt {self.tree.attempt}"
            await git("commit", "--no-verify", "--quiet", "--allow-empty", "-m", message)
        head, branch = await git.asks("rev-parse", "HEAD"), f"refs/heads/{self.tree.branch}"
        if head is not None and await git.asks("symbolic-ref", "--quiet", "HEAD") != branch:
            await git("update-ref", "-m", "where the agent left it", branch, head)
        return head


def _counted(numstat: str) -> tuple[Changes, list[str]]:
    """What `--numstat -z` says, and the names as they are on the disk."""
    rows = [row.split("\t", 2) for row in numstat.split("\0") if row]
    changes = Changes(
        files=tuple(clean_text(row[2]) for row in rows),
        insertions=sum(int(row[0]) for row in rows if row[0] != "-"),
        deletions=sum(int(row[1]) for row in rows if row[1] != "-"),
    )
    return changes, [row[2] for row in rows]


def worth_keeping(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """Those that are there as regular files, and not too many or too large. No link is followed."""
    room = MAX_KEPT_BYTES
    for name in islice(names, MAX_KEPT):
        path = root / name
        try:
            facts = path.lstat()
            inside = path.parent.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError):
            continue
        if stat.S_ISREG(facts.st_mode) and inside and facts.st_size <= min(room, MAX_FILE_BYTES):
            room -= facts.st_size
            yield path


def _large(root: Path, names: Iterable[str]) -> set[str]:
    return {name for name in names if (root / name).lstat().st_size > MAX_ADDED_BYTES}


def _copied(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copyfile(source, target)
