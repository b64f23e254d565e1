"""Keys, workspaces, members and people from the command line."""

from __future__ import annotations

import getpass
import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli.terminal import Ran, Terminal
from scene import Scene, ids
from service.people import PASSWORD, enter

from jobtrail.cli import office
from jobtrail.core.errors import Denied
from jobtrail.core.passwords import needs_rehash, verify_password
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import login_sessions, users


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch, jobtrail: Terminal) -> Terminal:
    """A terminal into whose commands a password is piped."""
    piped(monkeypatch, f"{PASSWORD}\n")
    return jobtrail


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def made(ran: Ran) -> str:
    """The key, which is all that stdout has."""
    (text,) = ran.out.splitlines()
    return text


def test_a_key_is_printed_once_and_alone(jobtrail: Terminal, scene: Scene) -> None:
    ran = jobtrail.ok("key", "create", "ci")
    text = made(ran)
    assert enter(scene, text) == SCOPES_OF[Role.OPERATOR]
    assert text not in ran.err and "is not shown again" in ran.err and "jobs:enqueue" in ran.err
    secret = text.split("_", 2)[2]  # it may itself hold underscores
    assert len(secret) > 30
    for output in ("table", "json", "jsonl"):
        assert secret not in jobtrail.ok("key", "list", "--all", "-o", output).out


@pytest.mark.parametrize(
    ("options", "scopes"),
    [(["--scope", "jobs:read,jobs:cancel"], {ApiScope.JOBS_READ, ApiScope.JOBS_CANCEL}),
     (["--scope", "jobs:read", "--scope", "workers:run"], {ApiScope.JOBS_READ, ApiScope.WORKERS_RUN}),
     (["--role", "viewer"], SCOPES_OF[Role.VIEWER]), (["--role", "OWNER"], SCOPES_OF[Role.OWNER])],
)  # fmt: skip
def test_a_key_may_what_was_said(jobtrail: Terminal, scene: Scene, options: list[str], scopes: set[ApiScope]) -> None:
    assert enter(scene, made(jobtrail.ok("key", "create", "ci", *options))) == scopes


@pytest.mark.parametrize(
    ("options", "wrong"),
    [(["--scope", "jobs:fly"], "'jobs:fly' is no scope; there are jobs:read"), (["--role", "KING"], "there are VIEWER"),
     (["--scope", "jobs:read", "--role", "VIEWER"], "not both"), (["--expires", "soon"], "soon"),
     (["--expires", "0s"], "more than nothing")],
)  # fmt: skip
def test_a_key_that_nobody_understands_is_not_made(jobtrail: Terminal, options: list[str], wrong: str) -> None:
    ran = jobtrail("key", "create", "ci", *options)
    assert (ran.code, ran.out) == (2, "") and wrong in ran.err
    assert jobtrail.ok("key", "list", "--all", "-o", "json").data == []


def test_a_key_as_json_has_everything_and_the_key(jobtrail: Terminal, scene: Scene) -> None:
    before = datetime.now(UTC)
    data = jobtrail.ok("key", "create", "ci", "--expires", "90d", "-o", "json").data
    assert enter(scene, data.pop("key")) and data == jobtrail.ok("key", "list", "-o", "json").data[0]
    ends = datetime.fromisoformat(data["expires_at"])
    assert timedelta(days=89, hours=23) < ends - before < timedelta(days=90, hours=1)


@pytest.mark.parametrize("by", ["id", "end", "name"])
def test_a_revoked_key_opens_nothing_and_is_listed_on_demand(jobtrail: Terminal, scene: Scene, by: str) -> None:
    text = made(jobtrail.ok("key", "create", "old"))
    jobtrail.ok("key", "create", "new")
    id = next(one["id"] for one in jobtrail.ok("key", "list", "-o", "json").data if one["name"] == "old")
    ran = jobtrail.ok("key", "revoke", {"id": id, "end": id[-8:], "name": "old"}[by])
    assert ran.out == "" and ran.err.startswith("revoked old")
    with pytest.raises(Denied, match="was revoked"):
        enter(scene, text)
    assert [row[1] for row in jobtrail.ok("key", "list").cells] == ["new"]
    assert [row[1:3] for row in jobtrail.ok("key", "list", "--all").cells] == [["new", ""], ["old", "revoked"]]
    assert "was revoked before" in jobtrail.ok("key", "revoke", id).err
    assert jobtrail("key", "revoke", "old").code == 5


def test_a_name_of_two_keys_names_neither(jobtrail: Terminal) -> None:
    for _ in range(2):
        jobtrail.ok("key", "create", "ci")
    ran = jobtrail("key", "revoke", "ci")
    assert ran.code == 2 and "means several keys" in ran.err
    assert jobtrail("key", "revoke").code == 2
    assert len(jobtrail.ok("key", "list", "-o", "json").data) == 2


def test_nothing_is_revoked_when_one_of_them_is_not_there(jobtrail: Terminal) -> None:
    jobtrail.ok("key", "create", "ci")
    assert jobtrail("key", "revoke", "ci", "elsewhere").code == 5
    assert len(jobtrail.ok("key", "list", "-o", "json").data) == 1


def test_a_key_of_a_person_goes_with_them(says: Terminal, scene: Scene) -> None:
    says.ok("user", "create", "ann@example.org")
    assert says("key", "create", "ann's", "--user", "ann@example.org").code == 5
    says.ok("member", "add", "ann@example.org", "--role", "viewer")
    text = made(says.ok("key", "create", "ann's", "--user", "ann@example.org"))
    assert enter(scene, text) == SCOPES_OF[Role.VIEWER]
    says.ok("user", "disable", "ann@example.org")
    with pytest.raises(Denied):
        enter(scene, text)
    says.ok("user", "enable", "ann@example.org")
    assert enter(scene, text)
    says.ok("member", "role", "ann@example.org", "operator")
    assert enter(scene, text) == SCOPES_OF[Role.OPERATOR]


def test_the_last_owner_is_not_removed(says: Terminal) -> None:
    says.ok("user", "create", "ann@example.org")
    says.ok("member", "add", "ann@example.org", "--role", "OWNER")
    for attempt in (["remove", "ann@example.org"], ["role", "ann@example.org", "ADMIN"]):
        ran = says("member", *attempt)
        assert ran.code == 6 and "the last OWNER" in ran.err
    assert [row[2] for row in says.ok("member", "list").cells] == ["OWNER"]


def test_a_policy_is_set_and_shown(jobtrail: Terminal, tmp_path: Path) -> None:
    assert "there is no policy" in jobtrail.ok("workspace", "policy").err
    file = tmp_path / "policy.json"
    file.write_text('{"http": {"hosts": ["a.example"]}}')
    assert jobtrail.ok("workspace", "policy", "--set", f"@{file}", "-o", "json").data == {
        "http": {"hosts": ["a.example"]}
    }
    assert "a.example" in jobtrail.ok("workspace", "policy").out
    assert jobtrail("workspace", "policy", "--set", '{"http": []}').code == 2
    assert jobtrail("workspace", "policy", "--set", "[]").code == 2
    assert jobtrail.ok("workspace", "policy", "-o", "json").data == {"http": {"hosts": ["a.example"]}}
    assert jobtrail.ok("workspace", "policy", "--set", "{}", "-o", "json").data == {}


def test_a_workspace_has_keys_and_members_of_its_own(says: Terminal) -> None:
    says.ok("user", "create", "ann@example.org", "--name", "Ann")
    assert (
        "use it: --workspace 'night shift'"
        in says.ok("workspace", "create", "night shift", "--owner", "ann@example.org").err
    )
    says.ok("key", "create", "here")
    says.ok("key", "create", "there", "--workspace", "night shift")
    assert [row[1] for row in says.ok("key", "list").cells] == ["here"]
    assert [row[1] for row in says.ok("key", "list", "--workspace", "night shift").cells] == ["there"]
    assert says("key", "revoke", "there").code == 5
    assert says.ok("member", "list").cells == []
    assert [row[:3] for row in says.ok("member", "list", "--workspace", "night shift").cells] == [
        ["ann@example.org", "Ann", "OWNER"]
    ]


def test_workspaces_are_listed_and_renamed(says: Terminal) -> None:
    said = says.ok("workspace", "create", "second").err
    assert "it has no member yet: jobtrail member add EMAIL --role OWNER --workspace second" in said
    assert says("workspace", "create", "second").code == 6
    assert says("workspace", "rename", "third", "fourth").code == 5
    assert says("workspace", "rename", "second", "default").code == 6
    assert says.ok("workspace", "rename", "second", "third", "-o", "json").data["name"] == "third"
    assert [row[0] for row in says.ok("workspace", "list").cells] == ["default", "third"]
    says.ok("user", "create", "ann@example.org")
    assert says.ok("workspace", "list", "--user", "ann@example.org", "-o", "json").data == []


def test_the_first_workspace_goes_by_default_whatever_it_is_called(jobtrail: Terminal) -> None:
    jobtrail.ok("key", "create", "ci")
    jobtrail.ok("workspace", "rename", "default", "first")
    assert (
        jobtrail.ok("key", "list", "-o", "json").data
        == jobtrail.ok("key", "list", "--workspace", "first", "-o", "json").data
    )
    assert len(jobtrail.ok("key", "list", "-o", "json").data) == 1


def test_a_password_comes_from_stdin(says: Terminal, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    says.ok("user", "create", "Ann@example.org")
    stored = password_of(scene)
    assert stored is not None and verify_password(PASSWORD, stored) and not needs_rehash(stored)
    piped(monkeypatch, "another long password\r\nand more\n")
    assert PASSWORD not in says.ok("user", "password", "ann@example.ORG").err
    assert verify_password("another long password", password_of(scene))


def password_of(scene: Scene) -> str | None:
    found = scene.do(users.by_email("ann@example.org"))
    assert found is not None
    return found.password_hash


@pytest.mark.parametrize(("given", "wrong"), [("", "nothing came"), ("short\n", "12 characters at least")])
def test_a_password_that_is_none_makes_nobody(
    jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch, given: str, wrong: str
) -> None:
    piped(monkeypatch, given)
    ran = jobtrail("user", "create", "ann@example.org")
    assert ran.code == 2 and wrong in ran.err
    assert jobtrail.ok("user", "list", "-o", "json").data == []


def test_a_password_may_come_later(jobtrail: Terminal, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    jobtrail.ok("user", "create", "ann@example.org", "--no-password")
    assert password_of(scene) is None
    piped(monkeypatch, PASSWORD)
    jobtrail.ok("user", "password", "ann@example.org")
    assert verify_password(PASSWORD, password_of(scene))


@pytest.mark.parametrize("second", [PASSWORD, "something else entirely"])
def test_on_a_terminal_a_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers, asked = [PASSWORD, second], []

    def ask(prompt: str, stream: object) -> str:
        asked.append((prompt, stream))
        return answers.pop(0)

    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.setattr(getpass, "getpass", ask)
    if second == PASSWORD:
        assert office.secret_from_stdin("password") == PASSWORD
    else:
        with pytest.raises(Exception, match="are not the same"):
            office.secret_from_stdin("password")
    assert [stream for _, stream in asked] == [sys.stderr, sys.stderr]


def test_an_email_is_taken_once(says: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    says.ok("user", "create", "ann@example.org")
    piped(monkeypatch, PASSWORD)
    assert says("user", "create", "ANN@example.org").code == 6
    assert says("user", "create", "not an e-mail").code == 2
    assert says("user", "disable", "bob@example.org").code == 5
    assert [row[0] for row in says.ok("user", "list").cells] == ["ann@example.org"]


def test_long_lists_are_read_to_their_end(jobtrail: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "PAGE", 2)
    for n in range(5):
        email = f"{'Ab'[n % 2]}{n}@example.org"
        jobtrail.ok("user", "create", email, "--no-password")
        jobtrail.ok("member", "add", email)
        jobtrail.ok("key", "create", f"k{n}")
        jobtrail.ok("workspace", "create", f"w{n}")
    for noun, number in (("user", 5), ("member", 5), ("key", 5), ("workspace", 6)):
        assert len(jobtrail.ok(noun, "list", "-o", "json").data) == number, noun


def test_logins_that_are_long_over_are_pruned(jobtrail: Terminal, scene: Scene) -> None:
    jobtrail.ok("user", "create", "ann@example.org", "--no-password")
    ann = scene.do(users.by_email("ann@example.org"))
    assert ann is not None
    for n, days in enumerate((-8, -6, 1)):
        scene.do(login_sessions.begin(ann.id, bytes([n]) * 32, timedelta(days=days), id=ids.new()))
    jobtrail.ok("db", "prune")
    left = scene.conn.execute("select token_hash from jobtrail.login_sessions order by token_hash").fetchall()
    assert left == [(b"\1" * 32,), (b"\2" * 32,)]
