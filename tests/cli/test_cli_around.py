"""Around jobs: gates, files, queues, workers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

import pytest
from cli.terminal import Terminal
from scene import Scene, ids

from jobtrail.service import assets
from jobtrail.service.assets import NewAsset
from jobtrail.store.files.local import LocalFiles


@pytest.fixture
def gate(scene: Scene) -> UUID:
    return scene.ask(scene.start(), form='{"properties": {"stars": {"type": "integer"}}}')


def test_gates_are_listed_with_their_questions(jobtrail: Terminal, scene: Scene, gate: UUID) -> None:
    assert jobtrail.ok("gate", "list", "-o", "json").data[0]["id"] == str(gate)
    assert "publish? May it?" in jobtrail.ok("gate", "list").out
    jobtrail.ok("gate", "approve", str(gate))
    assert jobtrail.ok("gate", "list", "-o", "json").data == []
    assert [one["status"] for one in jobtrail.ok("gate", "list", "--all", "-o", "json").data] == ["APPROVED"]


@pytest.mark.parametrize("by", ["gate", "end of the gate", "job", "@last"])
def test_a_gate_is_named_by_itself_or_by_its_job(jobtrail: Terminal, scene: Scene, gate: UUID, by: str) -> None:
    job = jobtrail.ok("gate", "list", "-o", "json").data[0]["job_id"]
    ref = {"gate": str(gate), "end of the gate": gate.hex[-8:], "job": job, "@last": "@last"}[by]
    ran = jobtrail.ok("gate", "approve", ref, "stars=5", "-m", "fine", "-o", "json")
    assert ran.data["status"] == "APPROVED" and "approved: publish? May it?" in ran.err
    event = jobtrail.ok("job", "events", job, "-o", "json").data[-1]
    assert event["payload"]["comment"] == "fine" and event["payload"]["form"] == {"stars": 5}


def test_a_decided_gate_is_a_conflict_and_a_strange_one_not_found(jobtrail: Terminal, scene: Scene, gate: UUID) -> None:
    jobtrail.ok("gate", "reject", "@last", "-m", "no")
    again = jobtrail("gate", "approve", "@last")
    assert again.code == 6 and "REJECTED" in again.err
    assert jobtrail("gate", "approve", "abcdef12").code == 5
    assert jobtrail("gate", "approve", str(scene.enqueue(queue="b"))).code == 6


def test_who_is_not_among_the_approvers_is_not_allowed(jobtrail: Terminal, scene: Scene) -> None:
    gate = scene.ask(scene.start(), approvers=("somebody else",))
    ran = jobtrail("gate", "approve", str(gate))
    assert ran.code == 4 and "approvers" in ran.err


@pytest.fixture
def files(scene: Scene, folder: Path) -> UUID:
    """A job with two files of the same name and one with an evil name."""
    fence = scene.start()
    storage = LocalFiles(folder / ".jobtrail" / "assets")
    for name, content in (("report.txt", b"old"), ("report.txt", b"new"), ("../../etc/passwd", b"evil")):
        stored = storage.put_bytes(content, limit=100)
        new = NewAsset(
            id=ids.new(), name=name, byte_size=stored.byte_size, sha256=stored.sha256, storage_key=stored.key,
            media_type="text/plain",
        )  # fmt: skip
        assert scene.do(assets.keep(fence, new)) is not None
    return fence.job_id


def test_files_are_listed_with_their_digests(jobtrail: Terminal, files: UUID) -> None:
    listed = jobtrail.ok("file", "list", str(files), "-o", "json").data
    assert [one["sha256"] for one in listed[:2]] == [hashlib.sha256(text).hexdigest() for text in (b"old", b"new")]


def test_the_newest_file_of_a_name_is_copied_to_here_and_over_nothing(
    jobtrail: Terminal, folder: Path, files: UUID
) -> None:
    jobtrail.ok("file", "get", str(files), "report.txt")
    assert (folder / "report.txt").read_text() == "new"
    assert jobtrail("file", "get", str(files), "report.txt").code == 6
    (folder / "sub").mkdir()
    jobtrail.ok("file", "get", str(files), "report.txt", "--to", "sub")
    jobtrail.ok("file", "get", str(files), "report.txt", "--to", "sub/report.txt", "--force")
    assert (folder / "sub" / "report.txt").read_text() == "new"


def test_a_file_is_found_by_its_id_and_can_go_to_stdout(jobtrail: Terminal, files: UUID) -> None:
    old = jobtrail.ok("file", "list", str(files), "-o", "json").data[0]["id"]
    ran = jobtrail.process("file", "get", str(files), old[-8:], "--to", "-")
    assert (ran.code, ran.out) == (0, "old"), ran
    assert Path(jobtrail.ok("file", "get", str(files), old, "--path").out.strip()).read_text() == "old"


def test_a_name_that_a_job_gave_never_leaves_the_folder(jobtrail: Terminal, folder: Path, files: UUID) -> None:
    jobtrail.ok("file", "get", str(files), "../../etc/passwd")
    assert (folder / "passwd").read_text() == "evil"


def test_a_file_that_is_not_there_names_those_that_are(jobtrail: Terminal, files: UUID) -> None:
    ran = jobtrail("file", "get", str(files), "nothing.txt")
    assert ran.code == 5 and "report.txt" in ran.err


def test_a_queue_is_paused_with_a_reason_and_resumed(jobtrail: Terminal, scene: Scene) -> None:
    scene.enqueue(queue="media")
    ran = jobtrail.ok("queue", "pause", "media", "-m", "new disks")
    assert "undo: jobtrail queue resume media" in ran.err
    found = jobtrail.ok("queue", "list", "-o", "json").data
    assert [(one["queue"], one["depth"], one["paused_reason"]) for one in found] == [("media", 1, "new disks")]
    assert scene.claim(queue="media") == []
    jobtrail.ok("queue", "resume", "media")
    assert len(scene.claim(queue="media")) == 1
    assert jobtrail("queue", "resume", "media").code == 6
    assert jobtrail("queue", "pause", "a\x00b").code == 2


def test_workers_are_listed_with_what_they_serve(jobtrail: Terminal, scene: Scene) -> None:
    scene.start()
    found = jobtrail.ok("worker", "list", "-o", "json").data
    assert [(one["queues"], one["running"], one["stopped_at"]) for one in found] == [(["default"], 1, None)]
    assert [row[2] for row in jobtrail.ok("worker", "list").cells] == ["working"]
