"""Packages as a stranger would install them: a module and its entry points in a folder on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

GOOD = '''
from jobtrail.core.outcome import Done
class Good:
    """Says hello.

    And more."""
    type = "good"
    async def run(self, context):
        return Done("hello")
'''


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: str | None,
    types: dict[str, str],
    version: str = "1.2",
) -> None:
    """A package of this name; `types` are its entry points, as `type: attribute`. Without code it has no module."""
    module, info = name.replace("-", "_"), folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{type} = {module}:{attribute}" for type, attribute in types.items()]
    (info / "entry_points.txt").write_text("\n".join(["[jobtrail.runners]", *lines]))
    if code is not None:
        (folder / f"{module}.py").write_text(code)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(str(folder))
