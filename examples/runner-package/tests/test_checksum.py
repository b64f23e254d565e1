"""The runner on a real database: what it wants, what it says, and that a crash costs no finished step."""
# ruff: noqa: S101  (pytest asserts)

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from jobtrail_checksum import ChecksumRunner, manifest

import jobtrail as jt
from jobtrail.testing import Lab


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files and their list."""
    lines = []
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        lines.append(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}")
    (tmp_path / "files" / "SHA256SUMS").write_text("\n".join(lines))
    return tmp_path / "files"


@pytest.fixture(autouse=True)
def runner(jobtrail: Lab) -> None:
    """What is under test."""
    jobtrail.add(ChecksumRunner())


def test_files_that_are_as_they_were_complete_it(jobtrail: Lab, folder: Path) -> None:
    job = jobtrail.enqueue("checksum.verify", folder=str(folder))
    jobtrail.drain()
    assert jobtrail.job(job.id).status == "COMPLETED"
    assert jobtrail.result(job.id) == {"files": 3, "bytes": 19, "wrong": {}}
    assert jobtrail.steps(job.id) == ["read the list", "hash files"]


def test_a_changed_and_a_missing_file_fail_it_with_a_report(jobtrail: Lab, folder: Path) -> None:
    (folder / "a.txt").write_text("another")
    (folder / "b.txt").unlink()
    job = jobtrail.enqueue("checksum.verify", folder=str(folder))
    jobtrail.drain()
    ended = jobtrail.job(job.id)
    assert (ended.status, ended.error_code) == ("FAILED", "checksum_mismatch")
    assert "a.txt is changed, b.txt is missing" in (ended.error_message or "")
    assert [asset.name for asset in jobtrail.client.assets(job.id)] == ["report.json"]


@pytest.mark.parametrize("line", ["", "no digest", f"{'0' * 64}  ../outside"])
def test_a_list_that_proves_nothing_is_no_success(jobtrail: Lab, folder: Path, line: str) -> None:
    (folder / "SHA256SUMS").write_text(line)
    job = jobtrail.enqueue("checksum.verify", folder=str(folder))
    jobtrail.drain()
    assert jobtrail.job(job.id).error_code == "bad_manifest"


def test_what_is_not_there_is_told_before_anything_runs(jobtrail: Lab, folder: Path) -> None:
    job = jobtrail.enqueue("checksum.verify", folder=str(folder / "nowhere"))
    jobtrail.drain()
    ended = jobtrail.job(job.id)
    assert ended.status == "FAILED"
    assert "there is no folder" in (ended.error_message or "")
    assert jobtrail.steps(job.id) == []


def test_input_that_does_not_fit_is_refused_at_the_door(jobtrail: Lab) -> None:
    with pytest.raises(jt.JobtrailError, match=r"input\.folder"):
        jobtrail.enqueue("checksum.verify", folder=7)


def test_it_stops_in_the_middle_of_a_file(folder: Path) -> None:
    entry = manifest.read(folder, "SHA256SUMS")[0]
    assert manifest.look(folder, entry, lambda: True) is None


def test_people_are_told_what_each_field_is() -> None:
    schema = json.dumps(ChecksumRunner().schema())
    assert "The folder, as the worker sees it." in schema
