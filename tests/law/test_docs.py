"""The docs say all that there is, and nothing that there is not."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from itertools import chain, pairwise
from pathlib import Path
from pkgutil import walk_packages

import pytest
from law import rendered
from law.statements import SOURCE

import jobtrail
from jobtrail.cli import exits, tree
from jobtrail.core import errors
from jobtrail.core.config import PREFIX, Config
from jobtrail.core.status import MOVES
from jobtrail.runners.pipeline.parse import parse_input

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.name != "cli.md"]
UNUSED = "## Legal, and not written by this release"

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(name: str) -> str:
    return (DOCS / name).read_text()


def first_cells(text: str) -> list[str]:
    """The words in backticks that begin the rows of tables; several where a cell has several."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are commonly made."""
    heads = re.findall(r"^#+ (.+)$", prose(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())) if "://" not in link]


# Reference pages


def test_every_setting_is_documented_and_no_other() -> None:
    settings = [field.name for field in fields(Config) if field.name != "notices"]
    documented = [word for word in first_cells(text_of("reference/configuration.md")) if not word.endswith(".toml")]
    assert sorted(documented) == sorted(settings)


def test_every_exit_code_is_documented_and_no_other() -> None:
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    documented = re.findall(r"^\| (\d+) \|", text_of("reference/exit-codes.md"), re.MULTILINE)
    assert sorted(map(int, documented)) == sorted(codes)


def families() -> Iterator[type[errors.JobtrailError]]:
    for module in walk_packages(jobtrail.__path__, "jobtrail."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    waiting = [errors.JobtrailError]
    while waiting:
        yield (family := waiting.pop())
        waiting += family.__subclasses__()


def test_every_family_of_errors_is_documented_with_its_exit_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .* \| (\d+) \|$", text_of("reference/errors.md"), re.MULTILINE)
    expected = {(family.code, family.__name__, str(exits.of_error(family("x")))) for family in families()}
    assert set(rows) == expected


def literal_codes() -> set[str]:
    """The error codes that the source gives to jobs and attempts, in Python and in SQL."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                at = {"Fail": 0, "Failed": 1, "Failure": 0}.get(node.func.id, 99)
                named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                given = [*named, *node.args[at : at + 1]]
                found |= {str(value.value) for value in given if isinstance(value, ast.Constant)}
    for path in (SOURCE / "sql").rglob("*.sql"):
        for clause in re.findall(r"error_code = (.*?)(?:,\n|,? error_message)", path.read_text(), re.DOTALL):
            found |= set(re.findall(r"(?:^|then|else) ?'([a-z_]+)'", " ".join(clause.split())))
    return found


def test_every_error_code_of_a_job_is_documented() -> None:
    codes = literal_codes()
    assert {"quarantined", "queue_timeout", "interrupted", "exit", "not_kept"} <= codes, "the search itself broke"
    assert codes - set(first_cells(text_of("reference/errors.md"))) == set()


def test_every_event_is_documented_and_no_other() -> None:
    text = text_of("reference/events.md")
    written, unused = text.split(UNUSED)
    documented = first_cells(written) + re.findall(r"`([a-z]+\.[a-z_]+)`", unused)
    assert sorted(documented) == sorted({move.event for move in MOVES})


def test_events_that_are_said_not_to_be_written_are_not() -> None:
    statements = "\n".join(path.read_text() for path in (SOURCE / "sql/verbs").glob("*.sql"))
    unused = re.findall(r"`([a-z]+\.[a-z_]+)`", text_of("reference/events.md").split(UNUSED)[1])
    assert unused
    assert [event for event in unused if f"'{event}'" in statements] == []


def test_the_page_of_commands_is_fresh() -> None:
    assert text_of("reference/cli.md") == rendered.cli_page(), "make docs writes it anew"


def test_the_page_of_routes_is_fresh() -> None:
    assert text_of("reference/http.md") == rendered.http_page(), "make docs writes it anew"


def test_the_diagram_of_states_is_fresh() -> None:
    text = text_of("reference/states.md")
    assert "stateDiagram-v2" in text
    assert text == rendered.states_page(text), "make docs writes it anew"


# Every page


@every_page
def test_no_link_is_broken(page: Path) -> None:
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page if not name else (page.parent / name).resolve()
        if not target.exists() or not target.is_relative_to(ROOT) or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_first() -> None:
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page))
        waiting += [target for target in targets if target.suffix == ".md" and target not in seen]
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - seen == set()


@every_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^\$ |^)make ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) - targets == set()


@every_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"(?:`|^\$ |^)jobtrail ([^`\n]+)", page.read_text(), re.MULTILINE)
    wrong = {words: what for words in named if (what := tree.unknown(words.split()))}
    assert wrong == {}


@every_page
def test_every_setting_that_is_named_in_capitals_exists(page: Path) -> None:
    known = {field.name for field in fields(Config)} | {"test_postgres", "test_database_url", "deep", "foo_bar"}
    named = re.findall(rf"{PREFIX}([A-Z_]+[A-Z])", page.read_text())
    options = {option.removeprefix("--").replace("-", "_") for option in first_cells(text_of("reference/cli.md"))}
    assert {name.lower() for name in named} - known - options == set()


@every_page
def test_examples_can_be_read(page: Path) -> None:
    text = page.read_text()
    for block in blocks(text, "python"):
        compile(block, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for block in blocks(text, "toml"):
        data = tomllib.loads(block)
        if "name" in data.get("steps", [{}])[0]:
            given = {"repo": "r", "name": "n"} | data.get("input", {})
            parse_input({"steps": data["steps"], "input": given})


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_are_short_enough_to_read(page: Path) -> None:
    long = [line for line in prose(page.read_text()).splitlines() if len(line) > 130 and not line.startswith("|")]
    assert long == []


# Decisions and pins


def test_decisions_are_numbered_dated_and_listed() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    index = text_of("decisions/index.md")
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        date = re.search(r"^Date: (\d{4}-\d\d-\d\d) · Status: ", page.read_text(), re.MULTILINE)
        assert date is not None, page
        assert f"| [{page.name[:4]}]({page.name}) | {date[1]} |" in index


def pins(name: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_everything_that_is_installed_is_pinned_by_hash_and_names_no_host() -> None:
    for name in ("runtime", "dev"):
        lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
        code = [line for line in lines if not line.lstrip().startswith("#")]
        assert not [line for line in lines if "://" in line or line.startswith("-")]
        for line, following in pairwise([*code, ""]):
            assert "--hash=sha256:" in line or "--hash=sha256:" in following, line


def test_what_runs_is_pinned_alike_for_users_and_developers() -> None:
    assert pins("runtime").items() <= pins("dev").items()


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    for name, wanted in (
        ("runtime", [*project["project"]["dependencies"], *groups["build"]]),
        ("dev", [*groups["dev"], *chain.from_iterable(project["project"]["optional-dependencies"].values())]),
    ):
        names = {re.split(r"[\[<>=; ]", one)[0] for one in wanted}
        assert names - pins(name).keys() == set()
