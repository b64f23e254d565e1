"""What pages are made of: the files of others are what they say, all of it is in the wheel, nothing in it runs text as code,
and nothing asks any other place."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from law.statements import SOURCE

ROOT = Path(__file__).parents[2]
WEB = SOURCE / "web"
VENDORS = (WEB / "static/vendor", ROOT / "tests/pages/vendor")
SAID = {"file", "version", "source", "licence", "licence_file", "sha256"}
FREE = {"0BSD", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Apache-2.0", "MPL-2.0", "OFL-1.1"}

TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
STYLES = sorted((WEB / "static").rglob("*.css"))
SCRIPTS = sorted(path for path in (WEB / "static").rglob("*.js") if "vendor" not in path.parts)
PYTHON = sorted((WEB / "pages").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(WEB).as_posix() if path.is_relative_to(WEB) else path.relative_to(ROOT).as_posix()


def notes_of(folder: Path) -> dict[str, dict[str, Any]]:
    return tomllib.loads((folder / "VENDORED.toml").read_text())


@pytest.mark.parametrize("folder", VENDORS, ids=name_of)
def test_each_file_of_others_is_what_its_note_says(folder: Path) -> None:
    for name, note in notes_of(folder).items():
        assert set(note) == SAID, name
        assert hashlib.sha256((folder / note["file"]).read_bytes()).hexdigest() == note["sha256"], name
        assert note["licence"] in FREE, name
        assert len((folder / note["licence_file"]).read_text()) > 200, name


@pytest.mark.parametrize("folder", VENDORS, ids=name_of)
def test_no_file_of_others_comes_without_a_note(folder: Path) -> None:
    noted = {note["file"] for note in notes_of(folder).values()}
    assert {path.name for path in folder.iterdir() if path.suffix not in (".toml", ".txt")} == noted


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel, built as for a release."""
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_all_that_pages_need_is_in_the_wheel(wheel: set[str]) -> None:
    needed = [path for part in ("templates", "static") for path in (WEB / part).rglob("*") if path.is_file()]
    assert needed
    assert {f"jobtrail/{path.relative_to(SOURCE).as_posix()}" for path in needed} - wheel == set()
    assert [name for name in wheel if name.endswith("/licenses/LICENSE")]


def test_nothing_of_the_tests_is_in_the_wheel(wheel: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"jobtrail"}


SAYS = {
    "text that counts as markup": r"\|\s*safe\b|\bMarkup\b|autoescape\s+(false|off)",
    "JSON that is not escaped": r"\|\s*tojson(?!\s*\|\s*forceescape)",
    "code that htmx would run": r"\b(data-)?hx-(on|vals|headers|vars)\b",
}
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
WORDS = re.compile(r"\{\{\s*'[a-z -]*' if [^'{}]+\}\}")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "data-href", "xlink:href"}
OURS = re.compile(r"#|\?|\{\{\s*(?:url|static|api)\(|\{\{\s*frame\.(?:prefix|path)\s*\}\}")
HANDED = "its caller made it with url()"
MADE_BY_CODE: dict[str, dict[str, str]] = {
    "templates/parts/show.html": dict.fromkeys(
        ("{{ newer }}", "{{ older }}", "{{ href }}", "{{ links[loop.index0] }}"), HANDED
    ),
    "templates/frame.html": {"{{ to }}": "set by url() in the line above"},
    "templates/parts/chart.html": {"{{ bucket.href }}": HANDED},
    "templates/parts/files.html": {"{{ content(file) }}": "a macro that is api() with the id of the file"},
    "templates/parts/loglines.html": {"{{ part.href }}": "core/ansi.py lets http and https through, and nothing else"},
}
"""Addresses that begin otherwise, and why no data can make one of them."""


class Read(HTMLParser):
    """A template without its Jinja, as a browser would read it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.faults: list[str] = []
        self.addresses: list[str] = []
        self._said: list[str] = []
        self.feed(JINJA.sub(self._stands_for, text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        names = {name for name, _ in attrs}
        if tag in ("style", "object", "embed", "applet", "base") or (tag == "script" and "src" not in names):
            self._fault(f"<{tag}>", raw)
        if bad := [name for name in names if name.startswith("on") or name in ("style", "srcdoc")]:
            self._fault(f"{bad}", raw)
        if "\u241f" in QUOTED.sub("", raw):
            self._fault("a value without quotes around it", raw)
        self.addresses += [self._whole(value or "") for name, value in attrs if name in ADDRESSES]

    handle_startendtag = handle_starttag

    def _stands_for(self, found: re.Match[str]) -> str:
        if not found[0].startswith("{{") or WORDS.fullmatch(found[0]):
            return "\n" * found[0].count("\n")
        self._said.append(found[0])
        return f"\u241f{len(self._said) - 1}\u241f"

    def _whole(self, text: str) -> str:
        return re.sub("\u241f(\\d+)\u241f", lambda found: self._said[int(found[1])], text).strip()

    def _fault(self, what: str, raw: str) -> None:
        self.faults.append(f"{what} in {self._whole(raw)[:200]}")


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_holds_no_code_and_marks_nothing_as_safe(path: Path) -> None:
    text = path.read_text()
    for what, pattern in SAYS.items():
        found = re.search(pattern, text, re.IGNORECASE)
        assert found is None, f"{what}: {_line(text, found)}"
    assert Read(text).faults == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_address_in_a_template_is_one_of_ours(path: Path) -> None:
    known = MADE_BY_CODE.get(name_of(path), {})
    strange = [found for found in Read(path.read_text()).addresses if not OURS.match(found) and found not in known]
    assert strange == [], "begin it with url(), api() or static(), or say in MADE_BY_CODE where it comes from"


@pytest.mark.parametrize(
    "bad",
    [
        "<p {{ x }}>",
        "<p id={{ x }}>",
        "<p style='x'>",
        '<a {% if a < b %}onclick="x"{% endif %}>',
        "<script>1</script>",
    ],
)
def test_what_a_template_may_not_hold_is_found(bad: str) -> None:
    assert Read(f"<main>{bad}</main>").faults


def test_what_stands_around_it_is_no_fault() -> None:
    good = '<p title="{{ a }} {{ b | join(\'"\') }}">{% set one = 1 %}{{ c }}</p><script src="{{ static(\'x.js\') }}"></script>'
    read = Read(good)
    assert (read.faults, read.addresses) == ([], ["{{ static('x.js') }}"])


RUNS_TEXT = {
    "eval": r"\beval\s*\(|new\s+Function\b|\bFunction\s*\(",
    "a timer with text": r"set(?:Timeout|Interval)\s*\(\s*[\"'`]",
    "markup from text": r"\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment|setHTML"
    r"|parseFromString|srcdoc",
    "a handler by name": r"setAttribute\s*\(\s*[\"'`](?:on|style)",
    "an address of elsewhere": r"[\"'`](?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z]",
    "a global": r"\b(?:window|globalThis|self)\.[a-zA-Z_]\w*\s*=[^=]",
}
MAY: dict[tuple[str, str], str] = {
    (
        "static/js/logs.js",
        "markup from text",
    ): "the part of our own page that was asked for, in which all data is escaped",
}
"""By script and what it does: why it may."""


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_runs_no_text_and_makes_no_markup_of_it(path: Path) -> None:
    text, name = path.read_text(), name_of(path)
    for what, pattern in RUNS_TEXT.items():
        found = re.search(pattern, text)
        assert found is None or (name, what) in MAY, f"{what}: {_line(text, found)}"


def test_what_is_excused_is_there() -> None:
    for (name, what), reason in MAY.items():
        assert re.search(RUNS_TEXT[what], (WEB / name).read_text()), f"{name} needs no excuse any more: {reason}"
    for name, addresses in MADE_BY_CODE.items():
        assert set(addresses) <= set(Read((WEB / name).read_text()).addresses), name


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_the_code_of_pages_marks_nothing_as_safe(path: Path) -> None:
    assert not re.search(r"\bMarkup\b|autoescape\s*=\s*False|HTMLResponse", path.read_text())


PALETTES = {"base.css": "the tokens of both themes", "ansi.css": "the colours of terminals, for both themes"}
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklch|oklab)a?\(", re.IGNORECASE)


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_a_style_sheet_asks_nobody_and_takes_its_colours_from_the_tokens(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"@import|url\(\s*[\"']?(?!#|data:)", text)
    if path.name not in PALETTES:
        assert COLOUR.findall(text) == [], "colours are named in base.css, once for each theme"


def _line(text: str, found: re.Match[str]) -> str:
    """The line in which something was found."""
    number = text.count("\n", 0, found.start())
    return f"line {number + 1}: {text.splitlines()[number].strip()[:160]}"
