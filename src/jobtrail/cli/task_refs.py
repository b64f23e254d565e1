"""From what people type to a task or a project: whole ids, some digits of their start or end, @last, a project's name;
and the words and texts that are said of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from jobtrail.cli import refs, words
from jobtrail.cli.flags import Plain
from jobtrail.cli.telling import with_fix
from jobtrail.client import JobsClient
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.ids import parse_id
from jobtrail.core.model import Usage
from jobtrail.core.spent import Spent

TaskRef = Annotated[str, Plain]
"""A task as people name it: an id, four or more digits of its start or end, or @last."""

ProjectRef = Annotated[str, Plain]
"""A project as people name it: its name, its id, or four or more digits of its start or end."""

SEARCHED: Final = 1_000
_WHOLE: Final = 32


def task_id(client: JobsClient, ref: str) -> UUID:
    """The task that is meant, by digits among the newest 1 000. Raises NotFound, or Invalid for what names none."""
    if len(ref.replace("-", "")) == _WHOLE:
        return parse_id(ref, "task")
    found = [task.id for task in client.tasks.list(limit=1 if ref == "@last" else SEARCHED)]
    meant = (found[0] if found else None) if ref == "@last" else refs.one_of(found, ref)
    if meant is None:
        raise with_fix(
            NotFound(f"no task, or more than one, is meant by {ref} among the newest {SEARCHED}"), "jobtrail task list"
        )
    return meant


def project_id(client: JobsClient, ref: str) -> UUID:
    """The project that is meant, by name or digits among the newest 1 000. Raises NotFound."""
    if len(ref.replace("-", "")) == _WHOLE:
        return parse_id(ref, "project")
    found = client.projects.list(limit=SEARCHED)
    named = [project.id for project in found if project.name == ref]
    meant = named[0] if named else refs.one_of([project.id for project in found], ref)
    if meant is None:
        raise with_fix(NotFound(f"there is no project {ref!r}"), "jobtrail project list")
    return meant


def text(given: str | None) -> str | None:
    """A text as it is typed: itself, @FILE, or - for stdin. Raises Invalid for a file that cannot be read."""
    if given is None:
        return None
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{given}: the file cannot be read: {error}") from error


def together(calls: Sequence[Usage]) -> Spent:
    """What the calls of a job used together."""
    known = [call.cost_usd for call in calls if call.cost_usd is not None]
    return Spent(
        calls=len(calls),
        input_tokens=sum(call.input_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        reasoning_tokens=sum(call.reasoning_tokens for call in calls),
        cost_usd=sum(known, Decimal(0)) if known else None,
        unpriced_calls=len(calls) - len(known),
    )


def cost(spent: Spent) -> str:
    """Money as people read it; what is unknown is never shown as nothing."""
    if not spent.calls:
        return ""
    if spent.cost_usd is None:
        return "unknown"
    return f"${spent.cost_usd:.4f}" + (" + unknown" if spent.unpriced_calls else "")


def tokens(spent: Spent) -> str:
    """Tokens as people read them: what went in, and what came out."""
    return f"{spent.input_tokens:,} in, {spent.output_tokens:,} out" if spent.calls else ""


def used(spent: Spent) -> str:
    """All that was used, in a line; nothing where nothing was."""
    if not spent.calls:
        return ""
    cached = f", {spent.cached_tokens:,} of a cache" if spent.cached_tokens else ""
    return f"{cost(spent)}  {tokens(spent)}{cached}  {words.counted(spent.calls, 'call')}"
