"""Pages that share an answer share all of it: a key stands for one read wherever it is used."""

from __future__ import annotations

import ast
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

ROOM = Path(str(files("jobtrail.web"))) / "pages"


def reads() -> dict[str, set[str]]:
    """What is read under each key, as it is written; names that a function gave itself are put in."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted(ROOM.glob("*.py")):
        for made in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(made, ast.AsyncFunctionDef) or (file.name == "shared.py" and made.name == "shared"):
                continue
            named = {
                ast.unparse(one.targets[0]): ast.unparse(one.value)
                for one in ast.walk(made)
                if isinstance(one, ast.Assign)
            }
            for call in ast.walk(made):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "shared":
                    key, work = (ast.unparse(each) for each in call.args[1:3])
                    found[named.get(key, key)].add(named.get(work, work).replace("datetime.now(UTC)", "now"))
    return found


def test_a_key_stands_for_one_read() -> None:
    known = reads()
    assert len(known) > 10
    assert {key: works for key, works in known.items() if len(works) > 1} == {}
