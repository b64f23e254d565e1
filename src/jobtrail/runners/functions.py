"""Finds the function of a type of job by its module and name, as a process that was started for it must."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from jobtrail.core.retry import Retry
from jobtrail.runners.python import PythonRunner


def found(module: str, file: str | None, qualname: str) -> tuple[Callable[..., Any], Retry | None]:
    """The function, imported. What a name stands for may be a type of job made of the function, with a policy."""
    thing: Any = imported(module, file)
    for name in qualname.split("."):
        thing = getattr(thing, name)
    runner = getattr(thing, "runner", None)
    return (runner.function, runner.retry) if isinstance(runner, PythonRunner) else (thing, None)


def imported(name: str, file: str | None) -> Any:
    """The module by its name; by its file where its name leads nowhere, or to this very program."""
    if name != "__main__":
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if file is None or error.name is None or not name.startswith(error.name):
                raise
    own_name = "__jobtrail_main__" if name == "__main__" else name
    spec = importlib.util.spec_from_file_location(own_name, file or "")
    if spec is None or spec.loader is None:
        raise ImportError(f"the module {name} of the function cannot be imported from {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[own_name] = module
    spec.loader.exec_module(module)
    return module
