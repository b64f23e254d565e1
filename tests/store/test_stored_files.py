"""The folder of files: whole or not there at all, removed only when old, and never lost to who tidies at the wrong moment."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobtrail.core.errors import Invalid, NotFound, TooLarge
from jobtrail.store.files.local import LocalFiles

DAY = 86_400.0
KEY = hashlib.sha256(b"some bytes").hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path)


def lying(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def aged(path: Path, seconds: float = 2 * DAY) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


def test_a_stream_is_put_together_whatever_its_pieces(files: LocalFiles) -> None:
    content = os.urandom(5 << 20)
    for size in (1 << 16, 3 << 20):
        cut = [content[at : at + size] for at in range(0, len(content), size)]
        stored = asyncio.run(files.put_stream(pieces(*cut), limit=5 << 20, sha256=hashlib.sha256(content).hexdigest()))
        assert (b"".join(files.read(stored.key)), stored.byte_size) == (content, len(content))


def test_of_what_is_wrong_nothing_is_kept(files: LocalFiles, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        asyncio.run(files.put_stream(pieces(b"12345", b"6"), limit=5))
    with pytest.raises(Invalid, match="nothing was kept"):
        asyncio.run(files.put_stream(pieces(b"12345"), limit=5, sha256=KEY))
    assert lying(tmp_path) == []


def test_who_is_cancelled_while_a_thread_writes_leaves_nothing(
    files: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()
    real = os.fsync

    def slow(handle: int) -> None:
        began.set()
        assert go_on.wait(20)
        real(handle)

    async def cancelled() -> None:
        task = asyncio.create_task(files.put_stream(pieces(b"some bytes"), limit=99))
        await asyncio.to_thread(began.wait, 20)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    monkeypatch.setattr(os, "fsync", slow)
    asyncio.run(cancelled())
    assert [name for name in lying(tmp_path) if name.startswith("incoming")] == []


def test_only_what_is_old_is_removed(files: LocalFiles, tmp_path: Path) -> None:
    key = files.put_bytes(b"some bytes", limit=99).key
    before = time.time() - DAY
    assert list(files.old(before)) == [] and not files.remove_old(key, before)
    aged(files.path(key))
    assert list(files.old(before)) == [key] and files.remove_old(key, before)
    assert lying(tmp_path) == [] and not files.remove_old(key, before)


def test_bytes_that_arrive_again_while_they_are_removed_stay(
    files: LocalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = files.put_bytes(b"some bytes", limit=99).key
    before = time.time() - DAY
    real = os.replace

    def at_the_wrong_moment(source: Path, target: Path) -> None:
        if "leaving" in Path(target).parts:
            monkeypatch.setattr(os, "replace", real)
            files.put_bytes(b"some bytes", limit=99)
        real(source, target)

    aged(files.path(key))
    monkeypatch.setattr(os, "replace", at_the_wrong_moment)
    assert not files.remove_old(key, before)
    assert b"".join(files.read(key)) == b"some bytes"


def test_what_a_crash_left_is_put_back_or_removed(files: LocalFiles, tmp_path: Path) -> None:
    key = files.put_bytes(b"some bytes", limit=99).key
    (tmp_path / "leaving").mkdir()
    os.replace(files.path(key), tmp_path / "leaving" / key)
    for half in ("old", "young"):
        (tmp_path / "incoming" / half).touch()
    aged(tmp_path / "incoming" / "old")
    assert files.tidy(time.time() - DAY) == 1
    assert lying(tmp_path) == [f"{key[:2]}/{key[2:4]}/{key}", "incoming/young"]


def test_what_is_no_file_of_ours_is_never_touched(files: LocalFiles, tmp_path: Path) -> None:
    for name in (
        "ab/cd/notes.txt",
        f"ab/cd/{KEY}",
        f"ab/cd/{'A' * 64}",
        f"{KEY[:2]}/{KEY[2:4]}/sub/{KEY}",
        "leaving/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        aged(tmp_path / name)
    there = lying(tmp_path)
    assert list(files.old(time.time())) == []
    files.tidy(time.time())
    assert lying(tmp_path) == there
    for key in ("../../etc/passwd", "ab/cd", "", "A" * 64, f"{KEY}/.."):
        with pytest.raises(NotFound):
            files.path(key)
