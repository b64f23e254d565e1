"""`jobtrail audit verify` and `export`: prove that the trail is whole, and write it out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

from jobtrail.cli import exits, place, plans, refs, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain, Ref, Switch
from jobtrail.cli.place import Place
from jobtrail.cli.telling import notice, with_fix
from jobtrail.core.audit import Finding, Report
from jobtrail.core.chain import Seal
from jobtrail.core.config import Config
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.export import verify_export
from jobtrail.service import audit
from jobtrail.service import export as trail
from jobtrail.store.anchor import load_or_create_key, read_anchor
from jobtrail.store.db import ALL
from jobtrail.store.piecewise import run_each
from jobtrail.store.pool import connect


def verify(
    file: Annotated[Path | None, Plain] = None,
    /,
    *,
    seal_key_file: Path | None = None,
    anchor_file: Path | None = None,
    all_workspaces: Annotated[bool, Switch] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """Check that no event was edited, deleted, swapped or cut off: hash chains, rows, seals and the anchor.

    Exits with 0 when the trail is whole, 9 when something is not as it was recorded.

    Parameters
    ----------
    file
        What `jobtrail audit export` wrote; it is verified without any database.
    seal_key_file
        The file with the key that signs seals; without one, signatures are not checked.
    anchor_file
        The file in which seals are anchored.
    all_workspaces
        Not only the one that is set.
    """
    config = place.configured(flags, {"seal_key_file": seal_key_file, "anchor_file": anchor_file})
    if file is None:
        with place.opened(config) as here:
            report = verified(here, every=all_workspaces)
    else:
        report = _verified_file(file, config)
    show.thing({"ok": report.ok, "report": report}, lambda: _lines(report), flags)
    notice(_verdict(report))
    return exits.OK if report.ok else exits.PARTLY


def export(job: Ref | None = None, /, *, to: Path | None = None, flags: Flags = NO_FLAGS) -> int:
    """Write the trail out as lines of JSON that can be verified without the database.

    Parameters
    ----------
    job
        Only of this job, each event with the proof that a seal covers it: an id, four or more digits of it, @last.
    to
        The file to write; default is stdout.
    """
    config = place.configured(flags)
    with place.opened(config) as here, ExitStack() as stack:
        workspace = place.workspace_id(here)
        job_id = None
        if job is not None:
            job_id = refs.job_id(stack.enter_context(place.client_of(here)), job)
        out = sys.stdout if to is None else stack.enter_context(_new_file(to))
        count = _exported(here, workspace, job_id, lambda line: out.write(f"{line.rstrip()}\n"))
        out.flush()
    notice(f"{words.counted(count, 'event')} written; verify them: jobtrail audit verify {to or 'FILE'}")
    return exits.OK


def verified(here: Place, *, every: bool = False) -> Report:
    """What an audit of the place's workspace, or of all, finds."""
    keep = plans.retention_of(here.config).trail
    workspace: UUID | None = None if every else place.workspace_id(here)
    work = audit.verify(
        _keys(here.config),
        workspace=workspace,
        anchored=_anchored(here.config),
        droppable=datetime.now(UTC) - keep if keep else None,
    )
    dial = here.dial(ALL, "jobtrail audit")
    with closing(connect(dial)) as conn:
        return run_each(conn, work, dial.scope)


def _verified_file(file: Path, config: Config) -> Report:
    try:
        with file.open(encoding="utf-8") as lines:
            return verify_export(lines, _keys(config), _anchored(config))
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error


def _exported(here: Place, workspace: UUID, job_id: UUID | None, write: Callable[[str], object]) -> int:
    work = trail.export_workspace(workspace, write) if job_id is None else trail.export_job(workspace, job_id, write)
    dial = here.dial(ALL, "jobtrail audit")
    with closing(connect(dial)) as conn:
        return run_each(conn, work, dial.scope)


def _new_file(path: Path) -> TextIO:
    try:
        return path.open("x", encoding="utf-8")
    except FileExistsError as error:
        raise with_fix(Conflict(f"{path} is there already"), "name another file with --to") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error


def _keys(config: Config) -> list[bytes]:
    """The key that seals are checked with. One that is named must be there; none is made for looking."""
    file = plans.seal_key_file(config)
    if file is None or (not file.exists() and config.seal_key_file is None):
        return []
    if not file.exists():
        raise NotFound(f"there is no key {file}; check the path")
    return [load_or_create_key(file)]


def _anchored(config: Config) -> Iterator[Seal]:
    path = plans.anchor_file(config)
    if path is not None and path.exists():
        return read_anchor(path)
    if config.anchor_file is not None:
        raise NotFound(f"there is no anchor {config.anchor_file}; check the path")
    return iter(())


def _lines(report: Report) -> Iterator[tuple[str, object]]:
    yield "jobs", report.jobs
    yield "events", report.events
    yield "seals", f"{report.seals}{'' if report.signatures else ', signatures not checked: no key'}"
    yield "anchored", report.anchored
    yield "not sealed yet", report.unsealed
    yield "removed by retention", f"{report.tombstones} jobs, days of {report.expired} seals"
    for finding in report.findings:
        yield "FOUND", _found(finding)
    if report.more:
        yield "FOUND", f"{report.more} more"


def _found(finding: Finding) -> str:
    of = f" (job {finding.job_id})" if finding.job_id else ""
    return f"{finding.kind}: {finding.message}{of}"


def _verdict(report: Report) -> str:
    if report.ok:
        return f"✓ the trail is whole: {words.counted(report.events, 'event')} of {words.counted(report.jobs, 'job')}"
    return f"✗ the trail is not as it was recorded: {words.counted(len(report.findings) + report.more, 'finding')}"
