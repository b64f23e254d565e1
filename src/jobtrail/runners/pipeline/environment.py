"""What a command may see of the world: a small clean environment, and the secrets that its step names. Nothing inherited."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from jobtrail.core.redact import Redactor
from jobtrail.core.template import Values, render
from jobtrail.runners.pipeline.folder import Folder
from jobtrail.runners.pipeline.plan import Env, SecretName

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Secrets:
    """The secrets that steps of this attempt asked for so far. `resolve` is the desk's: it hides them everywhere else."""

    resolve: Callable[[str], str]
    _values: dict[str, str] = field(default_factory=dict)
    _redactor: Redactor | None = None  # making one costs more than using it

    def value(self, name: str) -> str:
        """The value of the worker's environment variable. Raises JobtrailError if there is none that can be hidden."""
        if name not in self._values:
            value = self.resolve(name)
            Redactor((value,))  # refuses one that is too short to be hidden
            self._add(name, value)
        return self._values[name]

    def also(self, value: str) -> None:
        """Hide this one too, which has no name here. Raises JobtrailError if it is too short to be hidden."""
        Redactor((value,))
        self._add(f"={value}", value)

    @property
    def values(self) -> list[str]:
        """What must not be shown."""
        return list(self._values.values())

    def hide(self, text: str) -> str:
        """The text without them."""
        if self._redactor is None:
            self._redactor = Redactor(self._values.values())
        return self._redactor.text(text)

    def _add(self, name: str, value: str) -> None:
        self._values[name] = value
        self._redactor = None


def search_path(inherited: str) -> str:
    """Where commands are found: of the worker's environment this alone counts, without what is relative in it."""
    return os.pathsep.join(part for part in inherited.split(os.pathsep) if os.path.isabs(part)) or DEFAULT_PATH


def environment(env: Env, values: Values, folder: Folder, path: str, secrets: Secrets) -> dict[str, str]:
    """All that a command gets. Only what a pipeline itself names is a secret, never what a value turns out to be."""
    basis = {"PATH": path, "HOME": str(folder.home), "TMPDIR": str(folder.tmp), "LANG": "C.UTF-8"}
    named = {
        name: secrets.value(value.name) if isinstance(value, SecretName) else render(value, values)
        for name, value in env.items()
    }
    return basis | named
