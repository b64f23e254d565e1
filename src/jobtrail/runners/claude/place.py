"""Where an attempt works, and with what: its folders, the program, the environment, the session files, the worktree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jobtrail.core.errors import Invalid
from jobtrail.core.redact import parse_reference
from jobtrail.runners.claude.argv import Program
from jobtrail.runners.claude.home import SECRET, Home, environment, open_home
from jobtrail.runners.claude.program import Programs
from jobtrail.runners.claude.spec import ClaudeSpec
from jobtrail.runners.claude.worktree import Tree, Worktree, open_tree
from jobtrail.runners.context import Context
from jobtrail.runners.pipeline.environment import Secrets
from jobtrail.runners.pipeline.halt import Halt
from jobtrail.runners.pipeline.step import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """All of it. `private` is the job's own folder for what we remember; `check_env` is for checks, without the keys."""

    home: Home
    program: Program
    private: Path
    cwd: Path
    env: Mapping[str, str]
    check_env: Mapping[str, str]
    tree: Tree | None


async def prepare(
    context: Context,
    spec: ClaudeSpec,
    *,
    host: Host,
    halt: Halt,
    secrets: Secrets,
    programs: Programs,
    environ: Mapping[str, str],
) -> Place:
    """Make it ready. Raises JobtrailError or OSError with what is missing."""
    desk, marker = context.desk, str(context.assignment.attempt_id)
    root = await asyncio.to_thread(desk.workdir)
    home = await asyncio.to_thread(open_home, desk.home(), root / "tmp", environ)
    env = environment(home, environ, spec.env, secrets)
    program = await programs.get(environ, environment(home, environ, {}, secrets), marker)
    private, cwd = root / "claude", _folder(spec, root)
    for folder in (private, cwd) if spec.cwd is None else (private,):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (wrong := wrong_cwd(spec)) is not None:
        raise Invalid(f"the folder of the job cannot be used: {wrong}", fields={"cwd": wrong})
    tree = await _open_tree(context, spec, root, cwd, host, halt) if spec.tree is not None else None
    return Place(
        home=home,
        program=program,
        private=private,
        cwd=cwd if tree is None else tree.path,
        env=env,
        check_env={name: value for name, value in env.items() if name not in SECRET or name in spec.env},
        tree=tree,
    )


async def _open_tree(context: Context, spec: ClaudeSpec, root: Path, repo: Path, host: Host, halt: Halt) -> Tree:
    return await open_tree(
        spec.tree or Worktree(),
        repo=repo,
        folder=root,
        job_id=context.job_id,
        attempt=context.attempt,
        desk=context.desk,
        host=host,
        marker=str(context.assignment.attempt_id),
        halt_event=halt.stop,
    )


def wrong_cwd(spec: ClaudeSpec) -> str | None:
    """What is wrong with the folder that a spec names; None if nothing."""
    if spec.cwd is None:
        return None
    path = Path(spec.cwd)
    if not path.is_absolute():
        return f"{spec.cwd!r} must be an absolute path"
    if not path.is_dir():
        return f"there is no folder {spec.cwd!r} where this worker runs"
    return None if os.access(path, os.R_OK | os.X_OK) else f"the worker may not read {spec.cwd!r}"


def write_private(file: Path, content: Any) -> Path:
    """Write JSON that nobody else may read: it may hold secrets."""
    draft = file.with_name(f".{file.name}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(msgspec.json.encode(content))
    draft.replace(file)
    return file


def resolved(value: Any, secrets: Secrets) -> Any:
    """The value with its references to secrets filled in. Raises JobtrailError for one that is missing."""
    if (name := parse_reference(value)) is not None:
        return secrets.value(name)
    if isinstance(value, Mapping):
        return {key: resolved(each, secrets) for key, each in value.items()}
    return [resolved(each, secrets) for each in value] if isinstance(value, list) else value


def _folder(spec: ClaudeSpec, root: Path) -> Path:
    return root / "work" if spec.cwd is None else Path(spec.cwd)
