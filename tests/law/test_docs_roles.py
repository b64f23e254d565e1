"""The page of keys and roles says what each role may, and what is recorded."""

from __future__ import annotations

import re

from law.statements import SOURCE
from law.test_docs import text_of

from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.core.status import ErrorStatus

PAGE = "explanation/keys-and-roles.md"


def test_the_table_of_scopes_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `([a-z]+:[a-z]+)` \|(.*)\|$", text_of(PAGE), re.MULTILINE)
    said = {scope: [mark.strip() == "✓" for mark in marks.split("|")] for scope, marks in rows}
    assert said == {str(scope): [scope in SCOPES_OF[role] for role in Role] for scope in ApiScope}
    assert f"| {' | '.join(Role)} |" in text_of(PAGE)


def test_everything_that_is_recorded_is_on_the_page_and_nothing_else() -> None:
    said = {word for line in re.findall(r"^\| (`[a-z]+\..*?) \|", text_of(PAGE), re.MULTILINE)
            for word in re.findall(r"`([a-z_.]+)`", line)}  # fmt: skip
    recorded = {
        type
        for path in (SOURCE / "sql/verbs").glob("*.sql")
        if "jobtrail.administration_events" in path.read_text()
        for type in re.findall(
            r"'((?:workspace|member|key|user|login|queue|group|limit|error)\.[a-z_]+)'", path.read_text()
        )
    }
    told = {
        type
        for path in (SOURCE / "service").glob("*.py")
        for type in re.findall(r"\"((?:worker|schedule|breaker)\.[a-z_]+)\"", path.read_text())
    }
    marked = {f"error.{status.lower()}" for status in ErrorStatus}
    assert said == recorded | told | marked
