"""Worktrees of an agent: real git, real repositories, and the states that a kill or an agent leaves them in."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from claude.tables import AskingDesk, now
from runners.desk import Memory

from jobtrail.core.errors import Invalid, Misconfigured
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import StepStatus
from jobtrail.runners.claude import changes as changes_of
from jobtrail.runners.claude.changes import Changes, gather
from jobtrail.runners.claude.git import GitFailed
from jobtrail.runners.claude.worktree import Tree, Worktree, close_tree, faults, open_tree
from jobtrail.runners.pipeline.environment import search_path
from jobtrail.runners.pipeline.step import Host

HOST = Host(path=search_path(os.environ["PATH"]))


def git(folder: Path, *words: str) -> str:
    """Git as a user runs it."""
    who = {f"GIT_{role}_{part}": "ann@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    env = {"PATH": HOST.path, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    return subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def repository(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in (files or {"a.txt": "one\n", "b.txt": "two\n", ".gitignore": "*.log\n"}).items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@dataclass
class Site:
    """A job with a repository. Every `open` is another attempt."""

    root: Path
    spec: Worktree = field(default_factory=Worktree)
    memory: Memory = field(default_factory=Memory)
    attempt: int = 0
    desk: AskingDesk = field(init=False)

    @property
    def repo(self) -> Path:
        return self.root / "repo"

    def open(self, *, host: Host = HOST) -> Tree:
        self.attempt += 1
        self.desk = AskingDesk(self.root, self.memory)
        folder = self.root / "job"
        folder.mkdir(exist_ok=True)
        return now(
            open_tree(
                self.spec,
                repo=self.repo,
                folder=folder,
                job_id=self.memory.job_id,
                attempt=self.attempt,
                desk=self.desk,
                host=host,
                marker=str(uuid4()),
            )
        )

    def gather(self, tree: Tree) -> Changes | None:
        return now(gather(tree, desk=self.desk, host=HOST, marker=str(uuid4())))

    def changes(self, tree: Tree) -> Changes:
        found = self.gather(tree)
        assert found is not None, self.memory.steps
        return found

    def close(self, tree: Tree, *, succeeded: bool = True) -> None:
        now(close_tree(tree, succeeded=succeeded, desk=self.desk, host=HOST, marker=str(uuid4())))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    repository(tmp_path / "repo")
    return Site(tmp_path)


def test_what_an_agent_changed_is_kept_as_a_patch_and_files_and_committed_on_the_jobs_branch(site: Site) -> None:
    tree = site.open()
    (tree.path / "a.txt").write_text("one\nand more\n")
    (tree.path / "b.txt").unlink()
    (tree.path / "new dir").mkdir()
    (tree.path / "new dir" / "ü.txt").write_text("new\n")
    (tree.path / "noise.log").write_text("ignored\n")
    found = site.changes(tree)
    assert found.told() == {"files": ["a.txt", "b.txt", "new dir/ü.txt"], "insertions": 2, "deletions": 1}
    assert sorted(each.name for each in site.desk.kept) == ["a.txt", "changes.patch", "new dir/ü.txt"]
    assert site.desk.events("ai.artifact_created")[0]["branch"] == tree.branch == f"jobtrail/{site.memory.job_id}"
    site.close(tree)
    assert not tree.path.exists()
    assert site.memory.statuses() == dict.fromkeys(("worktree", "changes", "remove worktree"), "COMPLETED")
    assert git(site.repo, "ls-tree", "-r", "--name-only", "-z", tree.branch) == ".gitignore\0a.txt\0new dir/ü.txt\0"
    said = git(site.repo, "log", "-1", "--format=%an %s", tree.branch)
    assert said == f"Jobtrail Changes of job {site.memory.job_id}, attempt 1\n"


def test_the_patch_makes_the_same_tree_of_the_base_also_of_binary_files(site: Site) -> None:
    tree = site.open()
    (tree.path / "picture.bin").write_bytes(bytes(range(256)) * 20)
    (tree.path / "a.txt").write_text("no end of line")
    (tree.path / "a.txt").chmod(0o755)
    found = site.changes(tree)
    assert (found.files, found.insertions, found.deletions) == (("a.txt", "picture.bin"), 1, 1)
    git(site.repo, "clone", "--quiet", "--no-local", "--single-branch", "--branch=main", ".", str(site.root / "copy"))
    (site.root / "changes.patch").write_bytes(site.desk.file("changes.patch"))
    git(site.root / "copy", "apply", "--index", str(site.root / "changes.patch"))
    assert git(site.root / "copy", "write-tree") == git(site.repo, "rev-parse", f"{tree.branch}^{{tree}}")


def test_nobodys_checkout_is_touched_however_dirty_it_is(site: Site) -> None:
    (site.repo / "a.txt").write_text("half done\n")
    (site.repo / "c.txt").write_text("staged\n")
    git(site.repo, "add", "c.txt")
    before = git(site.repo, "status", "--porcelain", "--branch")
    tree = site.open()
    assert (tree.path / "a.txt").read_text() == "one\n"
    (tree.path / "a.txt").write_text("other\n")
    assert site.changes(tree).files == ("a.txt",)
    site.close(tree)
    assert git(site.repo, "status", "--porcelain", "--branch") == before
    assert (site.repo / "a.txt").read_text() == "half done\n"


def lock(site: Site, tree: Tree) -> None:
    """As a git that is killed leaves it."""
    git_folder = Path(git(tree.path, "rev-parse", "--absolute-git-dir").strip())
    (git_folder / "index.lock").touch()
    (site.repo / ".git/refs/heads" / f"{tree.branch}.lock").touch()


def test_a_git_that_was_killed_with_the_agent_is_no_obstacle(site: Site) -> None:
    tree = site.open()
    (tree.path / "a.txt").write_text("changed\n")
    lock(site, tree)
    assert site.changes(tree).commit == git(site.repo, "rev-parse", tree.branch).strip() != tree.base


def test_no_file_is_kept_from_behind_a_link(site: Site) -> None:
    (site.root / "secret").write_text("nobody's business")
    (site.repo / "folder").symlink_to(site.root)
    names = ["folder/secret", "missing", "a.txt"]
    assert list(changes_of.worth_keeping(site.repo, names)) == [site.repo / "a.txt"]


def test_a_later_attempt_takes_over_what_a_killed_one_left_at_the_same_path(site: Site) -> None:
    tree = site.open()
    (tree.path / "a.txt").write_text("half of it\n")
    lock(site, tree)
    git(site.repo, "commit", "--quiet", "--allow-empty", "-m", "meanwhile")
    again = site.open()
    assert (again.path, again.branch, again.base, again.attempt) == (tree.path, tree.branch, tree.base, 2)
    assert (again.path / "a.txt").read_text() == "half of it\n"
    git(again.path, "add", "a.txt")
    assert site.changes(again).files == ("a.txt",)
    assert site.memory.statuses() == {"worktree": "COMPLETED", "changes#2": "COMPLETED"}


def test_a_tree_whose_making_was_killed_is_made_anew(site: Site) -> None:
    tree = site.open()
    site.memory.steps["worktree"].status = StepStatus.RUNNING  # its end was never recorded
    (tree.path / "a.txt").unlink()
    git(site.repo, "commit", "--quiet", "--allow-empty", "-m", "meanwhile")
    again = site.open()
    assert (again.path / "a.txt").read_text() == "one\n"
    assert again.base == tree.base


def test_a_tree_that_was_removed_is_made_again_with_what_was_committed_and_the_same_base(site: Site) -> None:
    tree = site.open()
    (tree.path / "a.txt").write_text("first try\n")
    site.changes(tree)
    site.close(tree)
    git(site.repo, "commit", "--quiet", "--allow-empty", "-m", "meanwhile")
    again = site.open()
    assert (again.path, again.base) == (tree.path, tree.base)
    assert (again.path / "a.txt").read_text() == "first try\n"
    (again.path / "b.txt").write_text("second try\n")
    assert site.changes(again).files == ("a.txt", "b.txt")
    assert "worktree#2" in site.memory.statuses()


def test_a_folder_that_vanished_with_the_machine_is_no_obstacle(site: Site) -> None:
    tree = site.open()
    shutil.rmtree(site.root / "job")
    again = site.open()
    assert (again.path / "a.txt").read_text() == "one\n"
    assert again.base == tree.base


def test_a_tree_that_the_agent_broke_is_made_anew(site: Site) -> None:
    tree = site.open()
    (tree.path / ".git").unlink()
    (tree.path / "closed").mkdir(mode=0o500)
    assert site.gather(tree) is None
    assert site.memory.steps["changes"].status is StepStatus.FAILED
    again = site.open()
    assert (again.path / ".git").is_file()
    assert site.changes(again).files == ()


def test_without_commit_nothing_is_committed_and_the_agents_index_stays(site: Site) -> None:
    site.spec = Worktree(commit=False, keep=True)
    tree = site.open()
    (tree.path / "a.txt").write_text("changed\n")
    (tree.path / "new.txt").write_text("new\n")
    git(tree.path, "add", "a.txt")
    found = site.changes(tree)
    assert found.files == ("a.txt", "new.txt")
    assert git(tree.path, "status", "--porcelain") == "M  a.txt\n?? new.txt\n"
    assert git(site.repo, "rev-parse", tree.branch).strip() == tree.base == found.commit
    site.close(tree)
    assert tree.path.exists()
    assert site.memory.statuses()["remove worktree"] == "SKIPPED"


@pytest.mark.parametrize(
    ("keep", "succeeded", "there"),
    [("on_failure", True, False), ("on_failure", False, True), (False, False, False), (True, True, True)],
)
def test_a_tree_stays_as_its_job_has_it(site: Site, keep: bool, succeeded: bool, there: bool) -> None:
    site.spec = Worktree(keep=keep)
    tree = site.open()
    (tree.path / "closed").mkdir()
    (tree.path / "closed" / "file").touch()
    (tree.path / "closed").chmod(0o500)
    site.close(tree, succeeded=succeeded)
    assert tree.path.exists() is there
    assert git(site.repo, "branch", "--list", tree.branch).strip(" +\n") == tree.branch


def test_what_the_agent_committed_itself_counts_and_another_branch_of_its_is_not_lost(site: Site) -> None:
    tree = site.open()
    git(tree.path, "checkout", "--quiet", "-b", "idea")
    (tree.path / "c.txt").write_text("committed\n")
    git(tree.path, "add", "-A")
    git(tree.path, "commit", "--quiet", "-m", "mine")
    (tree.path / "d.txt").write_text("not committed\n")
    assert site.changes(tree).files == ("c.txt", "d.txt")
    assert git(site.repo, "diff", "--name-only", tree.base, tree.branch) == "c.txt\nd.txt\n"


def test_hooks_and_settings_of_the_repository_are_not_for_us(site: Site) -> None:
    hooks = site.root / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-checkout", "commit-msg", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {site.root}/hooked\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(site.repo, "config", "core.hooksPath", str(hooks))
    git(site.repo, "config", "commit.gpgsign", "true")
    git(site.repo, "config", "diff.external", "false")
    git(site.repo, "config", "diff.noprefix", "true")
    tree = site.open()
    (tree.path / "a.txt").write_text("changed\n")
    found = site.changes(tree)
    assert b"--- a/a.txt\n+++ b/a.txt\n" in site.desk.file("changes.patch")
    assert found.commit != tree.base
    assert not (site.root / "hooked").exists()


def test_our_git_sees_nothing_of_the_workers_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    tree = site.open()
    assert site.changes(tree) == Changes(branch=tree.branch, commit=tree.base)
    assert site.desk.kept == []
    assert site.desk.told == []


def test_a_link_is_never_followed_and_other_repositories_are_left_alone(site: Site) -> None:
    tree = site.open()
    secret = site.root / "secret"
    secret.write_text("nobody's business")
    (tree.path / "link").symlink_to(secret)
    (tree.path / "folder").symlink_to(site.root)
    repository(tree.path / "vendored")
    (tree.path / "empty").mkdir()
    git(tree.path / "empty", "init", "--quiet")
    (tree.path / "kept.txt").write_text("kept\n")
    os.mkfifo(tree.path / "pipe")
    assert site.changes(tree).files == ("folder", "kept.txt", "link")
    assert [each.name for each in site.desk.kept] == ["changes.patch", "kept.txt"]
    assert any("vendored/ is a git repository of its own" in line for line in site.desk.printed())


def test_large_and_many_files_are_not_kept_one_by_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_of, "MAX_KEPT", 3)
    monkeypatch.setattr(changes_of, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(changes_of, "MAX_ADDED_BYTES", 1_000)
    tree = site.open()
    for name, size in {"1": 10, "2": 101, "3": 10, "4": 10, "5": 1_001}.items():
        (tree.path / name).write_bytes(b"x" * size)
    assert site.changes(tree).files == ("1", "2", "3", "4")
    assert [each.name for each in site.desk.kept] == ["changes.patch", "1", "3"]
    assert any("5 is larger than 1000 bytes" in line for line in site.desk.printed())


def test_a_name_that_is_no_text_is_kept_as_well_as_can_be(site: Site) -> None:
    tree = site.open()
    Path(os.fsdecode(os.fsencode(tree.path) + b"/caf\xe9.txt")).write_text("x\n")
    assert site.changes(tree).files == ("caf\ufffd.txt",)
    assert site.desk.file("caf\ufffd.txt") == b"x\n"


def test_a_repository_that_cannot_be_used_is_refused_in_words(site: Site, tmp_path: Path) -> None:
    def refused(repo: Path, spec: Worktree = Worktree()) -> str:
        other = Site(tmp_path, spec)
        other.root = tmp_path / uuid4().hex
        other.root.mkdir()
        (other.root / "repo").symlink_to(repo)
        with pytest.raises(Invalid) as error:
            other.open()
        assert other.memory.steps["worktree"].status is StepStatus.FAILED
        return str(error.value)

    empty = tmp_path / "empty"
    empty.mkdir()
    assert "is no git repository" in refused(empty)
    git(empty, "init", "--quiet")
    assert "has no commits" in refused(empty)
    assert "there is no folder" in refused(tmp_path / "missing")
    assert "has no commit 'v9'" in refused(site.repo, Worktree(base="v9"))
    (site.repo / "part").mkdir()
    assert "name its top folder" in refused(site.repo / "part")


def test_a_bare_repository_and_a_base_by_name_will_do(site: Site) -> None:
    git(site.repo, "tag", "v1")
    (site.repo / "a.txt").write_text("later\n")
    git(site.repo, "commit", "--quiet", "-am", "later")
    git(site.root, "clone", "--quiet", "--bare", "repo", "bare.git")
    site.repo.rename(site.root / "other")
    (site.root / "bare.git").rename(site.repo)
    site.spec = Worktree(base="v1", branch_prefix="agents/")
    tree = site.open()
    assert (tree.path / "a.txt").read_text() == "one\n"
    assert tree.branch == f"agents/{site.memory.job_id}"


def test_a_repository_of_another_user_is_trusted_because_the_job_names_it(site: Site) -> None:
    """Git's own tests let it believe that all is another's like this."""
    program = site.root / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        git(site.repo, "-c", f"alias.x=!{program} status", "x")
    tree = site.open(host=Host(path=f"{program.parent}:{HOST.path}"))
    (tree.path / "a.txt").write_text("changed\n")
    assert site.changes(tree).files == ("a.txt",)


def test_without_git_it_is_said_that_git_is_missing(site: Site) -> None:
    with pytest.raises(Misconfigured, match="git cannot be started"):
        site.open(host=Host(path="/nonexistent"))


def test_a_stop_ends_the_making(site: Site) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        stop.set()
        folder = site.root / "job"
        folder.mkdir()
        desk = AskingDesk(site.root)
        with pytest.raises(GitFailed):
            await open_tree(
                Worktree(),
                repo=site.repo,
                folder=folder,
                job_id=uuid4(),
                attempt=1,
                desk=desk,
                host=HOST,
                marker=str(uuid4()),
                halt_event=stop,
            )
        assert desk.memory.steps["worktree"].status is StepStatus.FAILED

    now(main())


def test_a_zombie_keeps_nothing(site: Site) -> None:
    tree = site.open()
    (tree.path / "a.txt").write_text("changed\n")
    site.desk.lost = Dropped()
    with pytest.raises(Dropped):
        site.gather(tree)
    with pytest.raises(Dropped):
        site.close(tree)
    assert tree.path.exists()


@pytest.mark.parametrize(
    ("spec", "field_"),
    [
        (Worktree(branch_prefix="-x/"), "branch_prefix"),
        (Worktree(branch_prefix="a..b"), "branch_prefix"),
        (Worktree(branch_prefix="a b/"), "branch_prefix"),
        (Worktree(branch_prefix="x.lock/"), "branch_prefix"),
        (Worktree(base="--upload-pack=x"), "base"),
        (Worktree(base=" "), "base"),
    ],
)
def test_names_that_git_would_misread_are_refused_at_the_door(spec: Worktree, field_: str) -> None:
    assert list(faults(spec, "w")) == [f"w.{field_}"]


def test_usual_names_are_taken_at_the_door() -> None:
    for spec in (Worktree(), Worktree(branch_prefix=""), Worktree(base="origin/main~2"), Worktree(base="v1.2")):
        assert faults(spec) == {}


def test_a_patch_that_is_too_large_costs_only_the_patch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobtrail.runners.claude.git.MAX_OUTPUT_BYTES", 2_000)
    tree = site.open()
    (tree.path / "a.txt").write_text("changed\n" * 1_000)
    found = site.changes(tree)
    assert found.commit != tree.base
    assert [each.name for each in site.desk.kept] == ["a.txt"]
    assert any("changes.patch is not kept" in line for line in site.desk.printed())


def test_of_very_many_files_the_result_names_some_and_counts_the_rest() -> None:
    found = Changes(files=tuple(str(n) for n in range(1_002)), branch="b")
    told, noted = found.told(), found.noted()
    assert (told["files"], told["more_files"]) == ([str(n) for n in range(1_000)], 2)
    assert (noted["files"], noted["more_files"]) == ([str(n) for n in range(50)], 952)
