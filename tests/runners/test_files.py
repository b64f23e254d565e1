"""Which files a step keeps: exactly those that it names, byte by byte, and none from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runners.desk import Bed, FakeDesk

from jobtrail.core.errors import Limited
from jobtrail.core.outcome import Done, Fail
from jobtrail.core.status import LogLevel
from jobtrail.runners.pipeline import files
from jobtrail.runners.pipeline.files import find


def names(patterns: list[str], folder: Path, fence: Path | None = None) -> list[str]:
    return list(find(patterns, folder, (fence or folder).resolve()).files)


def touch(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_patterns_mean_files_in_order_and_each_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.xml", "a.xml", "deep/er/c.xml", "deep/d.txt")
    assert names(["b.xml", "*.xml", "**/*.xml"], tmp_path) == ["b.xml", "a.xml", "deep/er/c.xml"]
    assert names(["deep/"], tmp_path) == ["deep/d.txt", "deep/er/c.xml"]


def test_a_link_that_leads_out_is_never_followed(tmp_path: Path) -> None:
    touch(tmp_path, "secret/key", "work/real")
    work = tmp_path / "work"
    (work / "file").symlink_to(tmp_path / "secret" / "key")
    (work / "folder").symlink_to(tmp_path / "secret")
    (work / "loop").symlink_to("loop")
    (work / "dead").symlink_to("nothing")
    (work / "inner").symlink_to("real")
    found = find(["file", "folder/*", "loop", "dead", "inner"], work, work.resolve())
    assert list(found.files) == ["inner"]
    assert len(found.complaints) == 4
    assert "leads out of the job's folder" in found.complaints[0]


def test_a_link_to_elsewhere_in_the_job_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "build/app", "src/x")
    (tmp_path / "src" / "app").symlink_to("../build/app")
    found = find(["app"], tmp_path / "src", tmp_path.resolve())
    assert found.files == {"app": tmp_path / "build" / "app"}


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    found = find(["*"], tmp_path, tmp_path.resolve())
    assert not found.files
    assert found.complaints == ["'fifo' is not kept: it is no regular file"]


def test_a_pattern_that_means_folders_only_is_told_how_to_go_on(tmp_path: Path) -> None:
    touch(tmp_path, "dist/a.whl")
    assert find(["dist"], tmp_path, tmp_path).complaints == [
        "no file matches 'dist'; it means folders only, write dist/**/* for what is in them"
    ]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 3)
    touch(tmp_path, *"abcd")
    with pytest.raises(Limited, match="pack them"):
        find(["*"], tmp_path, tmp_path)


def test_names_that_cannot_be_stored_are_made_so(tmp_path: Path) -> None:
    deep = "/".join("d" * 60 for _ in range(5))
    touch(tmp_path, "a\nb", f"{deep}/end.txt")
    short, long = names(["a*", "**/end.txt"], tmp_path)
    assert short == "a\ufffdb"
    assert len(long.encode()) <= 255
    assert long.endswith("/end.txt")


def test_kept_files_are_the_same_byte_by_byte(tmp_path: Path) -> None:
    code = "import sys; open('all.bin', 'wb').write(bytes(range(256)) * 999)"
    bed = Bed(tmp_path, {"run": ["python3", "-c", code], "artifacts": ["*.bin"]})
    assert isinstance(bed.attempt(), Done)
    (kept,) = bed.desk.kept
    assert (kept.name, kept.content) == ("all.bin", bytes(range(256)) * 999)


def test_a_repository_cannot_hand_out_the_workers_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("worker's own")
    steps = [{"name": "a", "run": ["ln", "-s", str(tmp_path / "secret"), "report.xml"], "artifacts": ["report.xml"]}]
    bed = Bed(tmp_path / "job", {"steps": steps})
    assert isinstance(bed.attempt(), Done)
    assert not bed.desk.kept
    assert [line.message for _, line in bed.desk.lines if line.level is LogLevel.WARN] == [
        "'report.xml' is not kept: it is a link that leads out of the job's folder"
    ]


def test_a_value_cannot_make_a_pattern_lead_out(tmp_path: Path) -> None:
    steps = [{"name": "a", "run": ["true"], "artifacts": ["{input.file}"]}]
    outcome = Bed(tmp_path, {"steps": steps, "input": {"file": "../../etc/passwd"}}).attempt()
    assert isinstance(outcome, Fail)
    assert "without .." in outcome.message


def test_a_pattern_without_files_is_a_warning_unless_files_are_the_point(tmp_path: Path) -> None:
    command = {"name": "a", "run": ["true"], "artifacts": ["*.xml"]}
    bed = Bed(tmp_path / "1", {"steps": [command]})
    assert isinstance(bed.attempt(), Done)
    assert bed.desk.printed() == ["$ true", "no file matches '*.xml'"]
    outcome = Bed(tmp_path / "2", {"steps": [{"name": "a", "type": "ARTIFACT", "artifacts": ["*.xml"]}]}).attempt()
    assert isinstance(outcome, Fail)
    assert outcome.code == "no_artifact"
    assert outcome.message == "step 'a' found nothing to keep\nno file matches '*.xml'"


def test_a_file_that_cannot_be_kept_fails_the_step(tmp_path: Path) -> None:
    bed = Bed(tmp_path, {"run": ["touch", "file"], "artifacts": ["*"]})

    async def meanwhile(desk: FakeDesk) -> None:
        async def keep(*_: object) -> None:
            raise Limited("it is larger than 5 bytes")

        desk.keep = keep  # type: ignore[method-assign,assignment]

    outcome = bed.attempt(meanwhile)
    assert isinstance(outcome, Fail)
    assert outcome.code == "not_kept"
    assert outcome.message == "step 'command' could not keep its files: it is larger than 5 bytes"
    assert bed.memory.statuses() == {"command": "FAILED"}


def test_a_step_may_only_keep_files(tmp_path: Path) -> None:
    steps = [
        {"name": "make", "shell": True, "run": "mkdir out; echo 1 > out/a; echo 2 > out/b"},
        {"name": "keep", "type": "ARTIFACT", "artifacts": ["*"], "cwd": "out"},
    ]
    bed = Bed(tmp_path, {"steps": steps})
    assert isinstance(bed.attempt(), Done)
    assert [(kept.name, kept.step) for kept in bed.desk.kept] == [("a", "keep"), ("b", "keep")]
    assert bed.memory.statuses() == {"make": "COMPLETED", "keep": "COMPLETED"}
