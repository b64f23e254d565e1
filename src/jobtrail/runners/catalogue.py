"""One list of the types that are known: what is installed or in the app here, and what workers say that they run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jobtrail.core.described import Described, KnownType
from jobtrail.runners.registry import Found, described

_NOTHING = Described()


def known(found: Iterable[Found], told: Iterable[KnownType]) -> list[KnownType]:
    """Both together, by name. What is here says what it is, and where it does not, whoever else knows the type."""
    types = {one.type: one for one in told}
    for one in found:
        types[one.type] = _joined(of(one), types.get(one.type))
    return [types[name] for name in sorted(types)]


def of(found: Found) -> KnownType:
    """A type as what is here says it, of which nobody knows yet whether workers run it."""
    said = _NOTHING if found.runner is None else described(found.runner)
    check = None if found.runner is None else said.has_check
    return KnownType(found.type, found.source, found.origin, said.description, check, 0, found.error, said.input_schema)


def _joined(here: KnownType, there: KnownType | None) -> KnownType:
    if there is None:
        return here
    return replace(
        here,
        workers=there.workers,
        description=here.description or there.description,
        has_check=there.has_check if here.has_check is None else here.has_check,
        input_schema=there.input_schema if here.input_schema is None else here.input_schema,
    )
