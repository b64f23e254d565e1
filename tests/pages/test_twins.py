"""The commands that pages show are commands: each of them can be read by the command line, with its options."""

from __future__ import annotations

import html
import re
import shlex

import pytest
from pages.conftest import Ui
from pages.screens import PAGES, addresses

from jobtrail.cli.tree import tree
from jobtrail.web.routing import Route

SHOWN = re.compile(r'(?:data-cli|data-cli-view|data-copy)="(jobtrail [^"]*)"|<code[^>]*>(jobtrail [^<]*)</code>')


@pytest.mark.parametrize("route", PAGES, ids=lambda route: str(route.path))
def test_each_command_that_is_shown_can_be_typed(looked_at: Ui, route: Route) -> None:
    client = looked_at.served.client("")
    wrong = {}
    for address in addresses(route, looked_at.stage):
        for found in SHOWN.finditer(client.get(address.path).text):
            command = html.unescape(found[1] or found[2])
            if said := complaint(command):
                wrong[command] = said
    assert wrong == {}


def complaint(command: str) -> str:
    """What the command line says against it; nothing if it can be read."""
    try:
        tree().parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)
    except Exception as error:  # noqa: BLE001  (whatever it is, the command cannot be typed)
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_command_that_is_none_is_found() -> None:
    assert complaint("jobtrail job list 'status:FAILED'") == ""
    assert complaint("jobtrail job nonsense x")
    assert complaint("jobtrail job list --nonsense 3")
