"""The key and the anchor: private, complete after a crash, and loud when the database tells another story."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from audit.history import KEY, OTHER

from jobtrail.core import audit, chain
from jobtrail.core.chain import Seal
from jobtrail.core.errors import Conflict, Invalid, Misconfigured
from jobtrail.store.anchor import Anchor, load_key, load_or_create_key, read_anchor

ONE = UUID(int=1)


def made(workspace: UUID, many: int, before: Seal | None = None) -> list[Seal]:
    """Seals in a row."""
    found: list[Seal] = []
    for _ in range(many):
        number = 1 if before is None else before.number + 1
        record = chain.record(number, workspace, number, b"h" * 32)
        times = ("2026-01-01T00:00:00", "2026-01-01T00:00:00", "2026-01-01T00:00:01")
        before = chain.signed(audit.sealed(before, workspace, 10 * number, {"20260101": [record]}, times), KEY)
        found.append(before)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "anchor.jsonl"


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "seal.key"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: load_or_create_key(path), range(32)))
    assert len(keys) == 1 and len(keys.pop()) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["seal.key"], "no drafts are left"


def test_who_only_verifies_makes_no_key(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    with pytest.raises(FileNotFoundError):
        load_key(path)
    assert load_or_create_key(path) == load_key(path)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        load_or_create_key(path)


@pytest.mark.parametrize("text", ["", "abcd", "no key\n", "g" * 64])
def test_what_is_no_key_is_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seal.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(Misconfigured, match="64 hex digits"):
        load_or_create_key(path)
    assert path.read_text() == text, "it is not overwritten"


def test_seals_are_appended_and_read_back(path: Path) -> None:
    first, other = made(ONE, 3), made(OTHER, 2)
    with Anchor(path) as anchor:
        assert anchor.append([*first[:2], *other]) == 4
        assert anchor.append(first) == 1, "what is there is not written again"
    with Anchor(path) as anchor:
        assert anchor.append([*first, *other]) == 0, "nor by the next process"
    assert path.stat().st_mode & 0o777 == 0o600
    found = list(read_anchor(path))
    assert sorted(found, key=lambda seal: (seal.workspace_id, seal.number)) == [*first, *other]


def test_what_a_crash_left_out_is_fetched(path: Path) -> None:
    seals = made(ONE, 9)
    asked = []

    def read(workspace: UUID, number: int) -> Sequence[Seal]:
        asked.append((workspace, number))
        return seals[number : number + 3]

    with Anchor(path) as anchor:
        anchor.append(seals[:1])
        assert anchor.lacking(seals[8:]) == {ONE: 1} and anchor.lacking(seals[1:]) == {}
        assert anchor.keep(seals[8:], read) == 8
    assert asked == [(ONE, 1), (ONE, 4), (ONE, 7)]
    assert list(read_anchor(path)) == seals


def test_two_processes_may_hold_it(path: Path) -> None:
    seals = made(ONE, 4)
    with Anchor(path) as one, Anchor(path) as two:
        assert one.append(seals[:1]) == two.append(seals[1:2]) == one.append(seals[1:3]) == two.append(seals[2:]) == 1
    assert list(read_anchor(path)) == seals


@pytest.mark.parametrize("left", [1, 60, -1])
def test_a_line_that_a_crash_cut_is_written_again(path: Path, left: int) -> None:
    seals = made(ONE, 3)
    with Anchor(path) as anchor:
        anchor.append(seals[:2])
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole[0] + whole[1][:left])
    assert list(read_anchor(path)) in (seals[:1], seals[:2])
    with Anchor(path) as anchor:
        assert anchor.keep(seals[2:], lambda _, number: seals[number:]) == 2
    assert [seal.number for seal in read_anchor(path)] in ([1, 2, 3], [1, 2, 2, 3])


def test_another_story_is_not_anchored(path: Path) -> None:
    seals = made(ONE, 3)
    with Anchor(path) as anchor:
        anchor.append(seals)
        for other in (
            replace(seals[1], events=99),
            replace(seals[2], signature=b""),
            made(ONE, 1, replace(seals[2], root=b"x"))[0],
        ):
            with pytest.raises(Conflict, match="does not follow"):
                anchor.append([other])
        skipped = replace(made(ONE, 1, seals[2])[0], number=5)
        with pytest.raises(Conflict, match="seal 5 "):
            anchor.append([skipped])
        with pytest.raises(Conflict, match="audit verify"):
            anchor.append(made(ONE, 5)[4:])
        with pytest.raises(Conflict):
            anchor.keep(made(ONE, 5)[4:], lambda *_: [])
    assert list(read_anchor(path)) == seals


def test_a_damaged_line_is_said_with_its_number(path: Path) -> None:
    with Anchor(path) as anchor:
        anchor.append(made(ONE, 3))
    lines = path.read_text().splitlines(keepends=True)
    for damaged, where in (
        ([lines[0], "rubbish\n", lines[2]], "line 2"),
        ([*lines, "{}\n"], "last line"),
        (["\n", *lines], "line 1"),
    ):
        path.write_text("".join(damaged))
        with pytest.raises(Invalid, match=where):
            list(read_anchor(path))


def test_the_anchor_must_be_writable(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Is a directory"):
        Anchor(tmp_path)
    assert os.listdir(tmp_path) == []
