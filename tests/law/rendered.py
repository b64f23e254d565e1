"""The pages of the docs that are rendered from the source; `make docs` writes them anew, and a test holds them fresh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from jobtrail.cli.flags import twin
from jobtrail.cli.tree import tree
from jobtrail.core.render import moves_mermaid

DOCS = Path(__file__).parents[2] / "docs"
DIAGRAM = re.compile(r"(```mermaid\n)stateDiagram-v2\n.*?(```)", re.DOTALL)
EVERYWHERE = "Options of every command"

HEAD = """# Commands

A noun, then a verb: `jobtrail job list`. Data goes to stdout, everything else to stderr. What a command answers to the shell is in
[exit codes](exit-codes.md). A job is named by its id, by four or more digits of its start or end, by `@last` or by `@failed`.

Every option has a twin in the environment, which counts where the option is not given: `--foo-bar` is `JOBTRAIL_FOO_BAR`. What
is a setting too is described in [configuration](configuration.md).
"""


def commands(app: App, path: str = "jobtrail") -> Iterator[tuple[str, App]]:
    """Every command that does something, with its full name."""
    names = [name for name in app if not name.startswith("-")]
    if not names:
        yield path, app
    for name in names:
        yield from commands(app[name], f"{path} {name}")


def cli_page() -> str:
    """docs/reference/cli.md."""
    found = dict(commands(tree()))
    parts = [HEAD, "## Options of every command\n", *_table(next(iter(found.values())), everywhere=True)]
    for name, app in found.items():
        parts += [f"\n## {name}\n", f"{_one_line(app.help)}\n", *_table(app, everywhere=False)]
    return "\n".join(parts).rstrip() + "\n"


def states_page(text: str) -> str:
    """docs/reference/states.md with the diagram as the table of moves has it."""
    return DIAGRAM.sub(lambda found: f"{found[1]}{moves_mermaid()}{found[2]}", text)


def _table(app: App, *, everywhere: bool) -> list[str]:
    rows = []
    for argument in app.assemble_argument_collection(parse_docstring=True):
        if not argument.show or (EVERYWHERE in str(argument.parameter.group)) != everywhere:
            continue
        option = twin(argument) != ""
        names = " ".join(f"`{name}`" for name in argument.names) if option else f"`{argument.name.upper()}`"
        rows.append(f"| {names} | {_one_line(argument.parameter.help)} |")
    return ["| option | what |", "|---|---|", *rows] if rows else []


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    (DOCS / "reference/cli.md").write_text(cli_page())
    states = DOCS / "reference/states.md"
    states.write_text(states_page(states.read_text()))
