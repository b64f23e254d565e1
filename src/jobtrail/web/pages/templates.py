"""The templates of pages: escaped always, strict about what is not there, with the words and addresses that they use."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined

from jobtrail.core import shown
from jobtrail.core.ids import short
from jobtrail.core.spans import waits_for

_INDENTED_BELOW: Final = 256 << 10


@cache
def environment() -> Environment:
    """All templates. What is put into them is text: nothing marks it as markup."""
    env = Environment(
        loader=PackageLoader("jobtrail.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters.update(
        ago=shown.ago,
        absolute=shown.absolute,
        length=lambda value: shown.length(None if value is None else float(value)),
        size=shown.size,
        money=shown.money,
        number=shown.number,
        capped=shown.capped,
        counted=shown.counted,
        one_line=lambda text, most=120: shown.one_line(None if text is None else str(text), most),
        glyph=lambda status: shown.glyph(str(status)),
        short=lambda id: short(id if isinstance(id, UUID) else UUID(str(id))),
        pretty=pretty,
        in_shell=lambda text: shlex.quote(str(text)),
        shell_pair=lambda name: shlex.quote(f"{name}={name.upper()}"),
        who=who,
        waits_for=waits_for,
        count=len,
    )
    env.globals["now_utc"] = lambda: datetime.now(UTC)
    return env


def who(actor: str) -> str:
    """An actor for people: `api_key:0189…` by the last digits of its id, a person by their name."""
    kind, _, id = actor.partition(":")
    try:
        return f"{kind.replace('_', ' ')} {short(UUID(id))}"
    except ValueError:
        return shown.one_line(id or kind, 60)


def pretty(value: Any) -> str:
    """A value as indented JSON; integers keep all their digits."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
