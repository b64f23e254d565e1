"""`jobtrail type list` and `show`: what may be enqueued, from what is installed, from the app here, and from workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from difflib import get_close_matches
from shutil import get_terminal_size
from typing import Annotated, Any, Final

from jobtrail.cli import apps, place, schemas, show, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Plain
from jobtrail.cli.schemas import Field
from jobtrail.cli.telling import notice, with_fix
from jobtrail.core.config import Config
from jobtrail.core.described import APP, BUILT_IN, PACKAGE, KnownType
from jobtrail.core.errors import Misconfigured, NotFound
from jobtrail.runners import catalogue, registry
from jobtrail.runners.protocol import Runner
from jobtrail.runners.registry import Found

_NEAREST: Final = 3
_TYPE_WIDTH: Final = 28
_DEFAULT_WIDTH: Final = 12
_NO_DATABASE: Final = "there is no database here yet, so it is not known what workers run"


def types(*, app: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """Every type of job that is known: installed, in the app here, or run by workers.

    Parameters
    ----------
    app
        The app, as module:attribute or app.py; found in this folder if it is not named.
    """
    config = place.configured(flags)
    told: list[KnownType] = []
    if _has_workers(config, flags):
        with place.reached(config, flags) as client:
            told = client.types()
    _list(catalogue.known(_here(config, app), told), flags)
    return 0


def show_type(type: Annotated[str, Plain], /, *, app: str | None = None, flags: Flags = NO_FLAGS) -> int:
    """One type of job: what it does, what input it wants, and how to enqueue one. With -o json the JSON schema.

    Parameters
    ----------
    type
        The name of the type.
    app
        The app, as module:attribute or app.py; found in this folder if it is not named.
    """
    config = place.configured(flags)
    here = _here(config, app)
    told, others = None, list[KnownType]()
    if _has_workers(config, flags):
        with place.reached(config, flags) as client:
            told = client.get_type(type)
            others = client.types() if told is None else []
    wanted = [one for one in here if one.type == type]
    known = catalogue.known(wanted, [] if told is None else [told])
    if not known:
        raise _unknown(type, {*(one.type for one in here), *(one.type for one in others)})
    _show(known[0], wanted[0].runner if wanted else None, flags)
    return 0


def _has_workers(config: Config, flags: Flags) -> bool:
    """Whether there is anybody to ask what workers run."""
    there = place.server_of(config, flags) is not None or config.database_url or place.has_embedded(config.home)
    if not there:
        notice(_NO_DATABASE)
    return bool(there)


def _here(config: Config, given: str | None) -> list[Found]:
    """What is installed and what the app brings, which comes first. An app that was only found, and not named, is in
    nobody's way when it cannot be imported: it is told, and left out."""
    try:
        project = apps.project(config, given)
    except Misconfigured as error:
        if given is not None or config.app is not None:
            raise
        notice(f"the app of this folder is left out: {error.message}")
        project = apps.Project()
    own = project.app.runners if project.app else {}
    installed = [one for one in registry.installed() if one.type not in own]
    return [*installed, *(Found(type, APP, project.spec, runner) for type, runner in own.items())]


def _unknown(type: str, known: Iterable[str]) -> NotFound:
    names = sorted(known)
    close = get_close_matches(type, names, n=_NEAREST, cutoff=0.5)
    meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    there = f" (there are {', '.join(names)})" if names else ""
    return with_fix(NotFound(f"there is no type of job {type!r}{meant}{there}"), "jobtrail type list")


def _list(found: list[KnownType], flags: Flags) -> None:
    if flags.output in ("json", "jsonl"):
        show.rows([_without_schema(one) for one in found], [], flags)
        return
    columns: list[show.Column[KnownType]] = [
        show.Column("TYPE", lambda t: t.type),
        show.Column("FROM", _from),
        show.Column("WORKERS", lambda t: t.workers, right=True),
        show.Column("CHECK", lambda t: {True: "yes", False: "no"}.get(t.has_check)),  # type: ignore[arg-type]  # None: ""
        show.Column("WHAT", _what, lambda t: words.one_line(_what(t), 100), lambda t: "red" if t.error else "", rank=1),
    ]
    show.rows(found, columns, flags, empty="no type of job is known")


def _without_schema(one: KnownType) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "input_schema"}


def _from(one: KnownType) -> str:
    """Where a type comes from, in a word or two."""
    if one.source == BUILT_IN:
        return BUILT_IN
    if one.source in (PACKAGE, APP) and one.origin:
        return f"app {one.origin}" if one.source == APP else one.origin
    return one.source


def _what(one: KnownType) -> str | None:
    return f"cannot run here: {one.error}" if one.error else one.description


def _show(one: KnownType, runner: Runner | None, flags: Flags) -> None:
    schema = one.input_schema if isinstance(one.input_schema, dict) else None
    line = _example(one.type, schema, runner)
    data = asdict(one) | {"example": line}
    if flags.output in ("json", "jsonl"):
        show.document(data) if flags.output == "json" else show.line(data)
        return
    check = {True: "yes: inputs are looked at before a job takes a slot", False: "no", None: None}[one.has_check]
    at_work = "no live worker runs it" if not one.workers else f"{words.counted(one.workers, 'live worker')} run it"
    pairs = [("type", one.type), ("what", one.description), ("from", _from(one)), ("error", one.error),
             ("workers", at_work), ("check", check), ("example", line)]  # fmt: skip
    show.thing({}, lambda: pairs, flags)
    if schema is None:
        print("\nNobody says what its input is." if show.is_terminal() else "")
        return
    for shape in schemas.shapes(schema):
        print(f"\n{shape.title or 'Input'}" if show.is_terminal() else "")
        _fields(shape.fields, flags)


def _fields(fields: tuple[Field, ...], flags: Flags) -> None:
    taken = max((len(field.name) for field in fields), default=0) + _TYPE_WIDTH + _DEFAULT_WIDTH + len("REQUIRED") + 10
    room = max(get_terminal_size().columns - taken, 20)
    columns: list[show.Column[Field]] = [
        show.Column("FIELD", lambda f: f.name),
        show.Column("TYPE", lambda f: f.type, lambda f: words.one_line(f.type, _TYPE_WIDTH)),
        show.Column("REQUIRED", lambda f: "yes" if f.required else "no", lambda f: "yes" if f.required else ""),
        show.Column("DEFAULT", lambda f: f.default, lambda f: words.one_line(f.default, _DEFAULT_WIDTH), rank=1),
        show.Column("WHAT", lambda f: f.what, lambda f: words.one_line(f.what, room)),
    ]
    show.rows(fields, columns, flags, empty="it takes no input")


def _example(type: str, schema: dict[str, Any] | None, runner: Runner | None) -> str:
    """A command line that enqueues such a job. Where what was made up does not fit, the input is left to a file."""
    input = {} if schema is None else schemas.example(schema)
    return (
        schemas.typed(type, input) if not apps.check_input(runner, input) else f"jobtrail enqueue {type} --input @FILE"
    )
