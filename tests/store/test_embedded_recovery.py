"""The embedded server after kills, crashes, lost files and half-done starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import psutil
import psycopg
import pytest
from store.embedded_server import KINDS, QUICK, Command, a_home, do, ended, rows, until

from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.store import binaries, embedded, embedded_process
from jobtrail.store.embedded_home import Place, try_lock
from jobtrail.store.embedded_process import live_pid


@pytest.fixture(params=sorted(KINDS))
def found(request: pytest.FixtureRequest) -> binaries.Binaries:
    return KINDS[request.param]


@pytest.fixture
def new_home() -> Iterator[Path]:
    with a_home() as place:
        yield place


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    with a_home() as place:
        embedded.stop(embedded.start(place, settings=QUICK))
        yield place


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    with a_home(like=used_home) as place:
        yield place


# kills


def test_a_killed_postgres_comes_back_with_what_was_committed(new_home: Path, found: binaries.Binaries) -> None:
    with embedded.running(new_home, binaries=found, settings=QUICK) as server:
        do(server.owner_url, "create table kept as select g from generate_series(1, 1000) g")
        os.kill(server.pid, signal.SIGKILL)
        again = embedded.ensure(server)
        assert again.pid != server.pid and again.version == found.version
        assert (again.app_url, again.seat) == (server.app_url, server.seat)
        assert rows(server.owner_url, "select count(*) from kept") == [(1000,)]
        assert rows(server.owner_url, "select current_setting('shared_buffers')") == [("16MB",)]
        assert embedded.ensure(again) == again
    assert embedded.status(new_home) is None


def test_no_second_server_starts_beside_a_busy_child_of_the_first(new_home: Path, found: binaries.Binaries) -> None:
    server = embedded.start(new_home, binaries=found, settings=QUICK)
    with closing(psycopg.connect(server.owner_url)) as busy:
        child = busy.info.backend_pid
        busy.pgconn.send_query(b"select count(*) from generate_series(1, 100000000000) g, generate_series(1, 9) h")
        until(lambda: psutil.Process(child).cpu_times().user > 0.05)
        os.kill(server.pid, signal.SIGKILL)
        embedded.ensure(server)
        assert ended(child)
    assert rows(server.owner_url, "select 1") == [(1,)]
    embedded.stop(server)


def test_a_zombie_postmaster_does_not_count_as_running(home: Path) -> None:
    parent = Command(home)  # never looks at its child again, like many a pid 1
    pid, _ = parent.server()
    os.kill(pid, signal.SIGKILL)
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert embedded.status(home) is None
    with embedded.running(home) as server:
        assert server.started_here and server.pid != pid
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert rows(server.app_url, "select 1") == [(1,)]
    assert parent.leave() == 0


def test_a_postmaster_that_ends_while_we_look_leaves_no_zombie(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded.start(home, settings=QUICK)
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE)
    with monkeypatch.context() as just_before:  # its state was read a moment ago, its arguments are read now
        just_before.setattr(psutil.Process, "status", lambda _process: psutil.STATUS_RUNNING)
        assert live_pid(server.data_dir) is None
    assert not psutil.pid_exists(server.pid)
    embedded.stop(server)


def test_a_pid_that_went_to_another_program_does_not_count_as_running(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK))
    stale = [str(os.getpid()), str(home / "pg"), "1", "5432", str(home / "run"), "", "1 1", "ready"]
    (home / "pg" / "postmaster.pid").write_text("\n".join(stale))
    (home / "run" / ".s.PGSQL.5432").touch()
    (home / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert embedded.status(home) is None
    assert embedded.stop_now(home) is False
    with embedded.running(home, settings=QUICK) as server:
        assert rows(server.app_url, "select 1") == [(1,)]


def test_the_server_of_a_killed_command_is_joined_and_then_stopped_by_the_next(home: Path) -> None:
    killed = Command(home)
    pid, _ = killed.server()
    killed.kill()
    assert not ended(pid)
    with embedded.running(home) as server:
        assert (server.pid, server.started_here) == (pid, False)
    until(lambda: ended(pid))
    assert not list((home / "users").iterdir())


def test_a_server_that_does_not_react_is_ended_by_force_and_recovers(home: Path) -> None:
    server = embedded.start(home, settings=QUICK)
    do(server.owner_url, "create table kept as select 1 as one")
    os.kill(server.pid, signal.SIGSTOP)
    assert embedded.stop_now(home, patience=0.1) is True
    assert ended(server.pid)
    with embedded.running(home, settings=QUICK) as again:
        assert rows(again.owner_url, "select one from kept") == [(1,)]


def test_a_block_that_fails_stops_the_server_too(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt), embedded.running(home, settings=QUICK) as server:
        raise KeyboardInterrupt
    assert ended(server.pid)


def test_data_in_use_by_a_server_out_of_sight_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_process, "ORPHAN_SECONDS", 0.1)
    embedded.stop(embedded.start(home, settings=QUICK))
    with (home / "server.lock").open() as held:  # as the server of another container would hold it
        assert try_lock(held.fileno())
        with pytest.raises(Unavailable, match="another container"):
            embedded.start(home, settings=QUICK)
    with embedded.running(home, settings=QUICK) as server:
        assert server.started_here


def test_the_server_itself_holds_the_lock_on_its_data(home: Path) -> None:
    owner = Command(home)
    owner.server()
    owner.kill()
    with (home / "server.lock").open() as mine:
        assert not try_lock(mine.fileno())
    assert embedded.stop_now(home) is True
    with (home / "server.lock").open() as mine:
        until(lambda: try_lock(mine.fileno()))


def test_a_recovery_that_takes_long_is_left_to_go_on(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server:
        os.kill(server.pid, signal.SIGSTOP)
        place = Place(home, None)
        with pytest.raises(Unavailable, match="goes on by itself"):
            embedded_process.wait_until_ready(place, server.pid, 0, seconds=0.1)
        os.kill(server.pid, signal.SIGCONT)
        with embedded.running(home) as joined:
            assert joined.pid == server.pid


def test_a_server_killed_while_it_starts_is_no_fault_of_the_installation(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK))
    place = Place(home, None)
    with place.log.open("a") as log:  # a connection that was under way when the server was told to stop
        log.write("2026-01-01 00:00:00 UTC [1] FATAL:  canceling authentication due to timeout\n")
    said = embedded_process.did_not_start(place, 0)  # a log without any complaint
    assert isinstance(said, Unavailable) and "try again" in said.message


# the watch


class Watching:
    """A watch in a thread, and what it said."""

    def __init__(self, server: embedded.Server) -> None:
        self.said: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=embedded.watch, args=(server, self.stop, self.said.append))
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.said)


def test_a_watch_starts_a_killed_server_again_and_again(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server, Watching(server) as watching:
        do(server.owner_url, "create table kept as select 1 as one")
        for _ in range(2):
            watching.said.clear()
            seen = embedded.status(home)
            assert seen is not None
            os.kill(seen.pid, signal.SIGKILL)
            until(lambda: watching.heard("was started again"))
            assert rows(server.owner_url, "select one from kept") == [(1,)]
    assert embedded.status(home) is None


def test_a_watch_leaves_a_server_down_that_was_put_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int | None] = []

    def look(data: Path) -> int | None:
        looks.append(live_pid(data))
        return looks[-1]

    monkeypatch.setattr(embedded, "live_pid", look)
    with embedded.running(home, settings=QUICK) as server, Watching(server) as watching:
        assert embedded.stop_now(home) is True
        looks.clear()
        until(lambda: len(looks) >= 3)
        assert looks == [None] * len(looks)
        assert embedded.status(home) is None
        assert watching.said == []
        with embedded.running(home, settings=QUICK) as again:  # up again: the watch minds it again
            os.kill(again.pid, signal.SIGKILL)
            until(lambda: watching.heard("was started again"))


def test_a_watch_that_cannot_help_says_so_once_and_goes_on(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server, Watching(server) as watching:
        state = (home / "server.json").read_text()
        (home / "server.json").unlink()
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: watching.heard("cannot be started again"))
        (home / "server.json").write_text(state)
        until(lambda: watching.heard("was started again"))
        assert len(watching.said) == 3  # cannot; recovers; started again


# files


def test_a_start_that_was_killed_before_the_roles_were_made_is_finished_by_the_next(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server:
        do(server.admin_url, "drop database jobtrail")
        do(server.admin_url, "drop role jobtrail_app")
    state = json.loads((home / "server.json").read_text())
    (home / "server.json").write_text(json.dumps({**state, "complete": False}))
    (home / "pg.new-left").mkdir()
    with embedded.running(home, settings=QUICK) as server:
        assert rows(server.app_url, "select current_user::text") == [("jobtrail_app",)]
        assert rows(server.owner_url, "select current_user::text") == [("jobtrail_owner",)]


def test_a_first_start_that_is_killed_half_way_leaves_nothing_in_the_way(new_home: Path) -> None:
    killed = Command(new_home)
    until(lambda: any(new_home.glob("pg.new-*/base")))
    killed.kill()
    assert not (new_home / "pg").exists()
    with embedded.running(new_home, settings=QUICK) as server:
        assert rows(server.app_url, "select 1") == [(1,)]
    left = [path.name for path in new_home.iterdir() if "new" in path.name or "password" in path.name]
    assert left == []


def test_a_home_deleted_under_its_server_can_be_used_again(new_home: Path) -> None:
    old = embedded.start(new_home, settings=QUICK)
    shutil.rmtree(new_home)
    with embedded.running(new_home, settings=QUICK) as server:
        assert ended(old.pid)
        assert rows(server.app_url, "select 1") == [(1,)]
    last = embedded.start(new_home, settings=QUICK)
    shutil.rmtree(new_home)
    embedded.stop(last)
    assert ended(last.pid)


@pytest.mark.parametrize("damage", [None, "{"])
def test_lost_passwords_are_made_anew_and_the_data_stays(
    new_home: Path, found: binaries.Binaries, damage: str | None
) -> None:
    with embedded.running(new_home, binaries=found, settings=QUICK) as server:
        do(server.owner_url, "create table kept as select 1 as one")
    (new_home / "server.json").unlink()
    if damage is not None:
        (new_home / "server.json").write_text(damage)
    with embedded.running(new_home, binaries=found, settings=QUICK) as again:
        assert again.owner_url != server.owner_url
        assert rows(again.owner_url, "select one from kept") == [(1,)]
        assert rows(again.app_url, "select 1") == rows(again.admin_url, "select 1") == [(1,)]


def test_what_a_newer_release_remembers_does_not_confuse_this_one(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server:
        pass
    state = json.loads((home / "server.json").read_text())
    (home / "server.json").write_text(json.dumps({**state, "something new": 1}))
    with embedded.running(home, settings=QUICK) as again:
        assert again.app_url == server.app_url


def test_data_of_another_major_version_is_not_touched(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK))
    version = home / "pg" / "PG_VERSION"
    version.write_text("99\n")
    with pytest.raises(Misconfigured, match="made by PostgreSQL 99"):
        embedded.start(home, settings=QUICK)
    with pytest.raises(Misconfigured, match="made by PostgreSQL 99"):
        embedded.start(home, binaries=binaries.find(), settings=QUICK)
    assert not list((home / "users").iterdir())


def test_data_is_served_by_the_version_that_made_it(new_home: Path, found: binaries.Binaries) -> None:
    embedded.stop(embedded.start(new_home, binaries=found, settings=QUICK))
    with embedded.running(new_home, settings=QUICK) as server:
        assert server.version == found.version


def test_a_strange_directory_in_the_place_of_the_data_is_not_touched(new_home: Path) -> None:
    (new_home / "pg").mkdir(parents=True)
    new_home.chmod(0o711)
    (new_home / "pg" / "thesis.txt").write_text("years of work")
    with pytest.raises(Misconfigured, match="not the data directory"):
        embedded.start(new_home, settings=QUICK)
    assert (new_home / "pg" / "thesis.txt").read_text() == "years of work"


def test_data_that_belongs_to_nobody_we_may_be_is_refused_with_the_cure(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK))
    if os.geteuid() == 0:
        os.chown(home / "pg", 0, 0)
        expected = "chown -R"
    else:
        (home / "pg").chmod(0o755)  # what an ordinary user can get wrong
        expected = "invalid permissions"
    with pytest.raises(Misconfigured, match=expected):
        embedded.start(home, settings=QUICK)
