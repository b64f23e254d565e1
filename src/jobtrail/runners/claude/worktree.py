"""A git worktree for a job: made before the agent works, its changes kept as files and commits, removed afterwards.

Nothing is ever pushed, and the repository's own checkout, index and hooks are never touched.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from jobtrail.core.errors import Invalid, JobtrailError
from jobtrail.core.status import LogLevel, LogSource, Phase, StepStatus, StepType
from jobtrail.runners.claude.git import Git
from jobtrail.runners.pipeline.step import Host
from jobtrail.runners.protocol import Desk, LogLine

STEP: Final = "worktree"
REMOVAL: Final = "remove worktree"
_BAD_IN_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]")


class Worktree(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a job's worktree is made, and what becomes of it. Its branch always stays."""

    branch_prefix: Annotated[str, Meta(description="What the branch's name begins with; the job's id follows.")] = (
        "jobtrail/"
    )
    base: Annotated[str, Meta(description="The commit to begin from: a branch, a tag, or HEAD.")] = "HEAD"
    keep: Annotated[
        bool | Literal["on_failure"], Meta(description="Whether the folder stays after the job, for people to look at.")
    ] = "on_failure"
    commit: Annotated[bool, Meta(description="Whether the changes are committed on the branch. Nothing is pushed.")] = (
        True
    )


class _Made(msgspec.Struct):
    """What the step remembers."""

    path: str
    branch: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A job's worktree. `base` is the commit that it began from; `path` is the same for all attempts of the job."""

    spec: Worktree
    job_id: UUID
    attempt: int
    repo: Path
    path: Path
    branch: str
    base: str

    @property
    def home(self) -> Path:
        """Where our git keeps what it needs."""
        return self.path.parent


def faults(spec: Worktree, at: str = "worktree") -> Mapping[str, str]:
    """What is wrong with it, by field path; pure."""
    found: dict[str, str] = {}
    if _BAD_IN_REF.search(f"{spec.branch_prefix}0") or len(spec.branch_prefix.encode()) > 100:
        found[f"{at}.branch_prefix"] = "cannot begin the name of a branch; write for example jobtrail/"
    if not spec.base.strip() or spec.base.startswith("-") or re.search(r"[\x00-\x20\x7f]", spec.base):
        found[f"{at}.base"] = "must name a commit, such as HEAD, main or v1.2"
    return found


async def open_tree(
    spec: Worktree,
    *,
    repo: Path,
    folder: Path,
    job_id: UUID,
    attempt: int,
    desk: Desk,
    host: Host,
    marker: str,
    halt_event: asyncio.Event | None = None,
) -> Tree:
    """Makes the worktree `folder`/tree, or takes over what an earlier attempt left there. A SETUP step.

    `marker` is the attempt's id. Raises Invalid when the repository or the base cannot be used, GitFailed when git fails,
    Misconfigured when there is no git.
    """
    folder = await asyncio.to_thread(folder.absolute)  # git is called in the repository
    path, branch, base = folder / "tree", f"{spec.branch_prefix}{job_id}", ""
    git = Git(repo, folder, host, marker, halt_event or asyncio.Event())
    for number in count(1):
        begun = await desk.begin_step(STEP if number == 1 else f"{STEP}#{number}", STEP, Phase.SETUP, StepType.COMMAND)
        if not begun.done:
            break
        made = msgspec.json.decode(begun.output or "null", type=_Made | None)
        base, branch = (made.base, made.branch) if made is not None else (base, branch)
        if base and await _is_ours(git, path):
            await asyncio.to_thread(unlock, await git_folders(replace(git, cwd=path)), branch)
            _say(desk, f"the worktree {path} is there from an earlier attempt and is used as it is", begun.step_id)
            return Tree(spec=spec, job_id=job_id, attempt=attempt, repo=repo, path=path, branch=branch, base=base)
    try:
        base = await _make(git, spec, path, branch, base)
    except JobtrailError as error:
        await desk.finish_step(begun.step_id, StepStatus.FAILED, None, error.message)
        raise
    _say(desk, f"the worktree {path} is on branch {branch}, which begins at {base[:12]}", begun.step_id)
    output = msgspec.json.encode(_Made(str(path), branch, base)).decode()
    await desk.finish_step(begun.step_id, StepStatus.COMPLETED, output, None)
    return Tree(spec=spec, job_id=job_id, attempt=attempt, repo=repo, path=path, branch=branch, base=base)


async def close_tree(tree: Tree, *, succeeded: bool, desk: Desk, host: Host, marker: str) -> None:
    """Removes the worktree as its spec has it; the branch stays. A CLEANUP step. Not to be called when the job only waits.

    What cannot be removed is told in the log and the step, and raises nothing.
    """
    key = numbered(REMOVAL, tree.attempt)
    if tree.spec.keep is True or (tree.spec.keep == "on_failure" and not succeeded):
        await desk.skip_step(key, REMOVAL, Phase.CLEANUP, StepType.COMMAND, f"it is kept: {tree.path}")
        return
    begun = await desk.begin_step(key, REMOVAL, Phase.CLEANUP, StepType.COMMAND)
    if begun.done:
        return
    git = Git(tree.repo, tree.home, host, marker)
    try:
        await _remove(git, tree.path)
    except (JobtrailError, OSError) as error:
        text = f"the worktree {tree.path} could not be removed: {error}"
        _say(desk, text, begun.step_id, LogLevel.WARN)
        await desk.finish_step(begun.step_id, StepStatus.FAILED, None, text)
        return
    await desk.finish_step(begun.step_id, StepStatus.COMPLETED, None, None)


def numbered(name: str, attempt: int) -> str:
    """The key of what every attempt does once."""
    return name if attempt == 1 else f"{name}#{attempt}"


async def git_folders(there: Git) -> tuple[Path, Path]:
    """Of the worktree that this git is in: its own git folder, and the repository's. Raises GitFailed."""
    own = Path((await there("rev-parse", "--absolute-git-dir")).rstrip("\n"))
    return own, await _common(there) or own


def unlock(folders: tuple[Path, Path], branch: str) -> None:
    """Takes away what a git that was killed left locked: in the worktree's own folder, and of its own branch."""
    own, common = folders
    for lock in (own / "index.lock", own / "HEAD.lock", common / "refs" / "heads" / f"{branch}.lock"):
        lock.unlink(missing_ok=True)


async def _make(git: Git, spec: Worktree, path: Path, branch: str, base: str) -> str:
    """A fresh checkout, of the branch if there is one already; answers the base. Nobody has worked at `path` yet."""
    await _check_repo(git)
    base = base or await _base(git, spec.base)
    if await asyncio.to_thread(os.path.lexists, path):
        await _remove(git, path)
    exists = await git.asks("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
    if exists is not None:
        shared = await git.asks("merge-base", base, branch)
        base = shared or base
    words = (str(path), branch) if exists is not None else ("-b", branch, str(path), base)
    await git("worktree", "add", "--force", "--quiet", *words)
    return base


async def _check_repo(git: Git) -> None:
    if not await asyncio.to_thread(git.cwd.is_dir):
        raise Invalid(f"there is no folder {git.cwd} on this worker; name the folder of a git repository")
    bare = await git.asks("rev-parse", "--is-bare-repository")
    if bare is None:
        raise Invalid(f"{git.cwd} is no git repository; run git init there, or leave the worktree out")
    if bare == "true":
        return
    top = await git.asks("rev-parse", "--show-toplevel")
    if top is None or not await asyncio.to_thread(os.path.samefile, top, git.cwd):
        raise Invalid(f"{git.cwd} lies inside of a git repository; name its top folder, {top}")


async def _base(git: Git, base: str) -> str:
    found = await git.asks("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    if found is not None:
        return found
    if await git.asks("rev-parse", "--verify", "--quiet", "HEAD") is None and base == "HEAD":
        raise Invalid(f"the repository {git.cwd} has no commits; a worktree needs one to begin from")
    raise Invalid(f"the repository {git.cwd} has no commit {base!r}; name a branch, a tag or a commit of it")


async def _is_ours(git: Git, path: Path) -> bool:
    """Whether a usable worktree of this repository lies there."""
    if not await asyncio.to_thread((path / ".git").is_file):
        return False
    there = replace(git, cwd=path)
    top = await there.asks("rev-parse", "--show-toplevel")
    if top is None or not await asyncio.to_thread(os.path.samefile, top, path):
        return False
    theirs, ours = await _common(there), await _common(git)
    return theirs is not None and theirs == ours


async def _common(git: Git) -> Path | None:
    found = await git.asks("rev-parse", "--git-common-dir")
    return None if found is None else await asyncio.to_thread((git.cwd / found).resolve)


async def _remove(git: Git, path: Path) -> None:
    """Away with the folder, and with what the repository knows of it."""
    with_force = ("worktree", "remove", "--force", "--force", str(path))
    if await git.asks(*with_force) is not None:
        return
    await asyncio.to_thread(_rmtree, path)
    await git.asks(*with_force)  # it may never have known of it


def _rmtree(path: Path) -> None:
    """Also what was made unwritable. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(path)


def _say(desk: Desk, text: str, step_id: UUID, level: LogLevel = LogLevel.INFO) -> None:
    desk.log(LogLine(text, level, LogSource.SYSTEM, component=STEP), step_id)
