"""The options that every command has, and how the environment stands in for any option: `--foo-bar` is JOBTRAIL_FOO_BAR."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Argument, ArgumentCollection, Group, Parameter, Token
from cyclopts.config import Env

PREFIX: Final = "JOBTRAIL_"

Output = Literal["table", "json", "jsonl"]
Plain = Parameter(show_env_var=False)
"""For positional arguments, which have no twin in the environment."""

Ref = Annotated[str, Plain]
"""A job as people name it: an id, four or more digits of its start or end, @last or @failed."""

Pair = Annotated[str, Plain]
"""A part of a job's input: name=value or name:=JSON."""

Dash = Parameter(allow_leading_hyphen=True)
"""For options whose value may be `-`: stdin or stdout."""

Whole = Annotated[str | None, Dash]
"""A whole input: @FILE, - for stdin, or JSON."""

Switch = Parameter(negative=())
"""For options that are said or not said."""

READ_WITH_SETTINGS: Final = ("JOBTRAIL_DATABASE_URL", "JOBTRAIL_SERVER_URL", "JOBTRAIL_WORKSPACE")
"""Not taken for the option here: where both a database and a server are named, it counts which one was typed."""

EVERYWHERE: Final = Group("Options of every command", sort_key=99)


@Parameter(name="*", group=EVERYWHERE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What every command understands. None: as the environment, jobtrail.toml or the default has it."""

    output: Annotated[Output | None, Parameter(alias="-o")] = None
    "How data is written on stdout: a table for people (the default), one JSON document, or one JSON object a line."
    database_url: str | None = None
    "The PostgreSQL to use; without one, the embedded one in --home."
    server_url: str | None = None
    "The Jobtrail server to speak to instead of a database; JOBTRAIL_API_KEY opens it."
    home: Path | None = None
    "The folder of the embedded database and of files (default .jobtrail)."
    workspace: str | None = None
    "The workspace, by name (default: default)."
    color: Literal["auto", "always", "never"] | None = None
    "Whether to use colours; NO_COLOR means never."
    no_progress: Annotated[bool, Switch] = False
    "Plain lines instead of what moves on a terminal."
    debug: Annotated[bool, Switch] = False
    "Show the traceback of an error."

    @property
    def progress(self) -> bool:
        """Whether something may move on a terminal."""
        return not self.no_progress and not os.environ.get("CI")

    def settings(self, **more: object) -> dict[str, object]:
        """The layer of settings that was given on the command line."""
        given: dict[str, object] = {
            "database_url": self.database_url,
            "server_url": self.server_url,
            "home": self.home,
            "workspace": self.workspace,
            "color": self.color,
        }
        return given | more


NO_FLAGS: Final = Flags()


class Twins(Env):
    """Takes for an option that was not given the variable of its name. An empty variable is not set."""

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Fills what the command line left open."""
        for argument in arguments:
            variable = twin(argument)
            if variable in READ_WITH_SETTINGS:
                continue
            value = os.environ.get(variable, "") if variable else ""
            if not value or argument.tokens or argument.children:
                continue
            several = argument.token_count()[1]
            for index, part in enumerate(_split(value) if several else [value]):
                argument.append(Token(keyword=variable, value=part, source="environment", index=index))

    def _convert_argument(self, commands: tuple[str, ...], argument: Argument) -> str:
        """The name that help shows."""
        return twin(argument)


def twin(argument: Argument) -> str:
    """The variable that stands for an option; "" for what is not an option."""
    name = argument.name
    return PREFIX + name[2:].upper().replace("-", "_") if name.startswith("--") else ""


def said(argv: list[str], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What must be known even when the command line cannot be read: how errors are to be shown."""
    output = environ.get(f"{PREFIX}OUTPUT", "table")
    for here, after in zip(argv, [*argv[1:], ""], strict=False):
        if here in ("-o", "--output"):
            output = after
        elif here.startswith(("--output=", "-o=")):
            output = here.partition("=")[2]
    debug = "--debug" in argv or environ.get(f"{PREFIX}DEBUG", "").lower() in ("1", "true", "yes", "on")
    return {"output": output, "debug": debug}


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
