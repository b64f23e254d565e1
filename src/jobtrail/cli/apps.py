"""Finds the project's app and the installed runners, and says what types of jobs there are and what input they want."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from jobtrail.app import App
from jobtrail.cli.telling import with_fix
from jobtrail.core import webhooks
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured, UnknownType
from jobtrail.runners import registry
from jobtrail.runners.protocol import Runner
from jobtrail.service.jobs import Options

FILES: Final = ("app.py", "main.py")
ATTRIBUTE: Final = "app"


@dataclass(frozen=True, slots=True)
class Project:
    """What can be run here: the app's own types, and those that installed packages bring. `spec` is `module:attribute`."""

    app: App | None = None
    spec: str | None = None
    installed: tuple[str, ...] = field(default=())

    @property
    def types(self) -> tuple[str, ...]:
        """All types that a worker started here would run."""
        return tuple(sorted({*(self.app.runners if self.app else ()), *self.installed}))

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that the app's types use by themselves, the default one, and that of deliveries to webhooks."""
        named = {options.queue for options in self.app.defaults.values()} if self.app else set()
        return tuple(sorted({*named, "default", webhooks.QUEUE}))

    def runners(self) -> dict[str, Runner]:
        """Every runner, loaded. The app's own come before installed ones of the same type."""
        return {**registry.load(), **(self.app.runners if self.app else {})}

    def runner(self, type: str) -> Runner | None:
        """The runner of one type; None when it is not known here."""
        if self.app is not None and type in self.app.runners:
            return self.app.runners[type]
        return registry.load((type,)).get(type) if type in self.installed else None

    def options(self, type: str) -> Options:
        """The defaults of a type, also of one that only workers elsewhere know."""
        if self.app is not None and type in self.app.defaults:
            return self.app.defaults[type]
        return Options(type=type)


def project(config: Config, given: str | None = None, *, folder: Path | None = None) -> Project:
    """The project of this folder. Raises Misconfigured when the app that is named, or found, cannot be loaded.

    The app is the one that is given, or configured, or `app` in app.py or main.py of the folder, which stands first
    on the path of imports.
    """
    here = (folder or Path.cwd()).resolve()
    spec = _spec(given, here) if given else config.app or _found(here)
    installed = tuple(sorted(registry.discover()))
    if spec is None:
        return Project(None, None, installed)
    if str(here) not in sys.path:
        sys.path.insert(0, str(here))
    app = _load(spec)
    if app is None and not given and config.app is None:  # the file is another program's, and its `app` too
        return Project(None, None, installed)
    if app is None:
        raise with_fix(Misconfigured(f"{spec} is not a jobtrail.App"), "name the app as module:attribute")
    return Project(app, spec, installed)


def unknown(type: str, here: Iterable[str], elsewhere: Iterable[str] = ()) -> UnknownType:
    """The error for a type that nobody knows, with the one that may be meant and all that there are."""
    local, remote = sorted(set(here)), sorted(set(elsewhere) - set(here))
    known = [*local, *remote]
    close = get_close_matches(type, known, n=1, cutoff=0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    there = [f"here there are {', '.join(local)}"] if local else ["no type is known here"]
    there += [f"live workers also know {', '.join(remote)}"] if remote else []
    error = UnknownType(f"there is no type of job {type!r}{meant} ({'; '.join(there)})")
    if set(local) <= registry.built_in():
        with_fix(error, "run it in the folder of your app.py, or set JOBTRAIL_APP=module:attribute")
    return error


def check_input(runner: Runner | None, value: Any) -> Mapping[str, str]:
    """What is wrong with an input, by field, if the runner can tell before it runs."""
    validate = getattr(runner, "validate", None)
    found: Mapping[str, str] = validate(value) if callable(validate) else {}
    return found


def schema_of(runner: Runner | None) -> dict[str, Any] | None:
    """The JSON schema of a runner's input, if it has one."""
    return registry.schema_of(runner)


def _spec(given: str, here: Path) -> str:
    """What was typed as `module:attribute`: a file, a module, or that already."""
    module, _, attribute = given.partition(":")
    if module.endswith(".py"):
        path = Path(module).resolve()
        if not path.is_file():
            raise with_fix(Misconfigured(f"there is no file {module}"), "jobtrail init")
        if not path.is_relative_to(here):
            sys.path.insert(0, str(path.parent))
            module = path.stem
        else:
            module = ".".join(path.relative_to(here).with_suffix("").parts)
    return f"{module}:{attribute or ATTRIBUTE}"


def _found(here: Path) -> str | None:
    """The file of this folder that mentions jobtrail. Others are not imported: they may do anything."""
    for name in FILES:
        path = here / name
        if path.is_file() and b"jobtrail" in path.read_bytes():
            return f"{path.stem}:{ATTRIBUTE}"
    return None


def _load(spec: str) -> App | None:
    module, _, attribute = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:  # a stranger's module may raise anything when it is imported
        where = _last_line(error)
        raise Misconfigured(f"{spec} cannot be imported: {type(error).__name__}: {error}{where}") from error
    return found if isinstance(found, App) else None


def _last_line(error: Exception) -> str:
    """Where in the project it happened: the last frame that is not importlib's."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    own = [f for f in frames if f.filename != __file__]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
