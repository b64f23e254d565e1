"""Routes of types of jobs: what may be enqueued, what its input is, and how many workers run it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.described import APP, KnownType
from jobtrail.core.errors import NotFound
from jobtrail.runners import catalogue, registry
from jobtrail.runners.registry import Found
from jobtrail.service import types
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name


class TypeView(msgspec.Struct, frozen=True):
    """A type of job. `source`: built-in, package or app where it is installed beside this service (`origin` names it), else
    workers. `workers`: how many live ones run it now. `has_check` and `description` are null where nobody says it."""

    type: str
    source: str
    origin: str | None
    description: str | None
    has_check: bool | None
    workers: int
    error: str | None


class TypeDetail(TypeView, frozen=True):
    """A type of job with the JSON schema of its input, null where nobody says it."""

    input_schema: dict[str, Any] | None


class TypeList(msgspec.Struct, frozen=True):
    """The types of jobs that are known, by name."""

    items: list[TypeView]


async def list_types(call: Call) -> TypeList:
    """The types of jobs that are known here.

    They are those that are installed beside this service, those of its app, and those that workers of this workspace,
    or of all, run or ran lately.
    """
    told = await call.read(types.listed(call.workspace))
    return TypeList([TypeView(*_view(one)) for one in catalogue.known(_found(call), told)])


async def get_type(call: Call, type: Name) -> TypeDetail:
    """One type of job, with the JSON schema of its input."""
    name = jsonguard.check_name(type, "type")
    told = await call.read(types.get(call.workspace, name))
    here = [one for one in _found(call) if one.type == name]
    for one in catalogue.known(here, [] if told is None else [told]):
        schema = one.input_schema if isinstance(one.input_schema, dict) else None
        return TypeDetail(*_view(one), schema)
    raise NotFound(f"there is no type {name!r} in this workspace")


def _found(call: Call) -> list[Found]:
    """What is here. Of the app it is only known which types it has: it is not asked again what they are."""
    installed = list(_installed())
    names = {one.type for one in installed}
    return installed + [Found(name, APP, None, None) for name in call.runtime.service.types if name not in names]


@cache
def _installed() -> tuple[Found, ...]:
    """Looked up once: what is installed does not change under a running service."""
    return tuple(registry.installed())


def _view(one: KnownType) -> tuple[str, str, str | None, str | None, bool | None, int, str | None]:
    return one.type, one.source, one.origin, one.description, one.has_check, one.workers, one.error
