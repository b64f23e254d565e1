"""One word, one meaning: what the glossary says never to say is not said, and nothing tells where this was made."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from law.statements import SOURCE

from jobtrail.core import status

ROOT = Path(__file__).parents[2]
NEVER = {
    "company": "workspace", "companies": "workspace", "org": "workspace", "organization": "workspace",
    "organisation": "workspace", "tenancy": "workspace", "issue": "task", "issues": "task", "workitem": "job",
    "plugin": "runner", "plugins": "runner", "topic": "queue", "lane": "queue", "consumer": "worker", "consumers": "worker", "visibility": "lease", "cron": "schedule",
    "cronjob": "schedule", "transition": "move", "transitions": "move", "notification": "event",
    "notifications": "event", "attachment": "asset", "attachments": "asset", "dequeue": "claim", "ack": "complete",
    "nack": "fail", "purge": "prune",
}  # fmt: skip
"""Words of the glossary's third column (and of its neighbours' verbs) that mean nothing else here, with ours."""

SPOKEN_OF = {
    "core/template.py": "the words of a pipeline's `if`, which are part of its format",
    "runners/pipeline/course.py": "the words of a pipeline's `if`, which are part of its format",
    "core/fold.py": "says once more, in its own words, what the triggers say: that is what it is for",
    "process/ended.py": "how a process ended; this room knows nothing of jobs",
}
STATUSES = {
    str(word)
    for words in (status.JobStatus, status.AttemptStatus, status.StepStatus, status.GateStatus, status.ResultStatus)
    for word in words
}
PYTHON = sorted(SOURCE.rglob("*.py"))
SQL = [path for path in sorted((SOURCE / "sql").rglob("*.sql")) if path.name != "schema.sql"]
TEXTS = [
    path
    for path in sorted(ROOT.rglob("*"))
    if path.is_file()
    and path.suffix in (".py", ".sql", ".md", ".toml", ".txt", ".html", ".yml", ".yaml", ".cfg", ".json", "")
    and not {part for part in path.relative_to(ROOT).parts if part.startswith(".") and part != ".ci"}
    and "__pycache__" not in path.parts
]


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that a file gives to something, or uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield getattr(node, "lineno", 0), name


def words_of(name: str) -> list[str]:
    """`ClaimJobs` and `claim_jobs` are both claim, jobs."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def test_words_are_found_in_names_of_either_style() -> None:
    assert words_of("ClaimAllJobs") == words_of("claim_all_jobs") == ["claim", "all", "jobs"]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_name_uses_the_words_of_the_glossary(path: Path) -> None:
    for line, name in names_in(path):
        wrong = [word for word in words_of(name) if word in NEVER]
        assert not wrong, f"{path.name}:{line}: {name}: say {[NEVER[word] for word in wrong]}"


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_a_statement_uses_the_words_of_the_glossary(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        wrong = [word for word in words_of(line) if word in NEVER]
        assert not wrong, f"{path.name}:{number}: say {[NEVER[word] for word in wrong]}"


def texts_in(path: Path) -> Iterator[tuple[int, str]]:
    """What a file may say to people: all its strings, docstrings of commands among them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.parametrize("path", [p for p in PYTHON if "cli" in p.parts], ids=lambda path: path.stem)
def test_what_the_command_line_says_uses_the_words_of_the_glossary(path: Path) -> None:
    for line, text in texts_in(path):
        wrong = [word for word in words_of(text) if word in NEVER]
        assert not wrong, f"{path.name}:{line}: {text[:60]!r}: say {[NEVER[word] for word in wrong]}"


def test_a_status_is_named_by_its_enum() -> None:
    """A bare string compares equal to nothing once it is misspelt, and nobody finds it."""
    bare = [
        f"{path.relative_to(SOURCE)}:{line}: {text!r}"
        for path in PYTHON
        if path.name != "status.py" and path.relative_to(SOURCE).as_posix() not in SPOKEN_OF
        for line, text in texts_in(path)
        if text in STATUSES
    ]
    assert bare == []


def test_whatever_is_excused_is_still_there() -> None:
    for name, reason in SPOKEN_OF.items():
        assert any(text in STATUSES for _, text in texts_in(SOURCE / name)), (
            f"{name} needs no excuse any more: {reason}"
        )


ANYBODYS = {
    Path(name) for name in ("/", "/app", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp")
}
HERE = {ROOT, ROOT.parent, Path(sys.prefix)} - ANYBODYS
"""Where this checkout happens to lie: its own name, as any other place of a machine, has no business in the project."""
MACHINES = re.compile(r"/(?:home|Users)/(?!you\b|me\b|user\b|ann\b)[a-z_][a-z0-9_-]*/|[A-Z]:\\Users\\", re.IGNORECASE)
REGISTRIES = re.compile(
    r"(?:index-url|extra-index|find-links|registry)\s*[=:]\s*\S*//|"
    r"//[\w.-]*(?:artifactor|nexus\d*\.|mirror|proxy\.|registry\.(?!npmjs\.org))[\w.-]*",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_tells_on_which_machine_it_was_made(path: Path) -> None:
    text = path.read_text(errors="replace")
    for here in HERE:
        assert not re.search(rf"(?<![\w/.-]){re.escape(str(here))}(?![\w-])", text), f"{path.name} names {here}"
    found = MACHINES.search(text) or REGISTRIES.search(text)
    assert found is None, f"{path.name} says {found.group()}"
