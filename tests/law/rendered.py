"""The pages of the docs that are rendered from the source; `make docs` writes them anew, and a test holds them fresh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from jobtrail.cli.flags import twin
from jobtrail.cli.tree import tree
from jobtrail.core.render import moves_mermaid
from jobtrail.web.routing import Open
from jobtrail.web.table import ROUTES

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


HTTP_HEAD = """# HTTP routes

The service (`jobtrail serve`) speaks JSON under `/api/v1`; `/api/openapi.json` describes every field, in OpenAPI 3.1.
What follows is rendered from the table of routes that the service itself goes by.

A request carries a key, `Authorization: Bearer jt_…` (`jobtrail key create` makes one), or the cookie of a login. The
key decides the workspace, and its [scopes](../explanation/keys-and-roles.md) what it may do there: without the scope of
a route it answers 403, and for what belongs to another workspace 404. A login sends the `csrf_token` that
`GET /api/v1/login` answers as `X-CSRF-Token` with all that changes something, and names its workspace in
`Jobtrail-Workspace`.

Lists are pages: send `next_cursor` as `cursor` for the next one. `POST /api/v1/jobs` with an `Idempotency-Key` may be
sent again without harm. What has a version answers it as `ETag`, and an `If-Match` keeps an edit from overwriting
another's. Errors are `application/problem+json` with a `code` of [these](errors.md), `errors` that name fields, and the
`request_id` of the server's log; with 429 and 503 `Retry-After` says when to come again.
"""


def http_page() -> str:
    """docs/reference/http.md."""
    parts, tag = [HTTP_HEAD], ""
    tags = list(dict.fromkeys(route.tag for route in ROUTES))
    for route in sorted(ROUTES, key=lambda route: tags.index(route.tag)):
        if route.tag != tag:
            tag = route.tag
            parts += [f"## {tag}\n", "| route | does | scope |", "|---|---|---|"]
        scope = route.scope.value if isinstance(route.scope, Open) else f"`{route.scope}`"
        parts.append(f"| `{route.method} {route.path}` | {_one_line(route.says.partition(chr(10))[0])} | {scope} |")
    return re.sub(r"\n(## )", r"\n\n\1", "\n".join(parts)).replace("\n\n\n", "\n\n") + "\n"


if __name__ == "__main__":
    (DOCS / "reference/http.md").write_text(http_page())
    (DOCS / "reference/cli.md").write_text(cli_page())
    states = DOCS / "reference/states.md"
    states.write_text(states_page(states.read_text()))
