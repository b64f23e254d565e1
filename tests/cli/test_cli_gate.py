"""`jobtrail gate` and `jobtrail group`: rules shown, what is mine, a second thought, links, and who is in which group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.terminal import Terminal
from database import Database
from scene import WORKSPACE, Scene
from serving import served

from jobtrail.core.approval import OnExpire, Rules
from jobtrail.service import gate_links


def test_groups_are_made_filled_and_removed(jobtrail: Terminal) -> None:
    made = jobtrail.ok("group", "create", "Editors", "Ann@Example.org", "-o", "json")
    assert made.data == {"name": "editors", "members": ["ann@example.org"]} and "group:editors" in made.err
    jobtrail.ok("group", "add", "editors", "bob", "eve")
    jobtrail.ok("group", "remove", "editors", "bob")
    (group,) = jobtrail.ok("group", "list", "-o", "json").data
    assert group["members"] == ["ann@example.org", "eve"]
    assert jobtrail("group", "create", "editors").code == 6
    assert jobtrail("group", "create", "a b").code == 2
    assert jobtrail("group", "add", "nobody", "eve").code == 5
    assert jobtrail("group", "remove", "editors", "bob").code == 5
    jobtrail.ok("group", "delete", "editors")
    assert jobtrail("group", "delete", "editors").code == 5
    assert jobtrail.ok("group", "list", "-o", "json").data == []


def test_a_gate_says_by_which_rules_it_is_decided(jobtrail: Terminal, scene: Scene) -> None:
    rules = Rules(no_self_approval=True, comment_required=True, on_expire=OnExpire.FAIL)
    gate = scene.ask(scene.start(), approvers=("group:editors",), needed=2, rules=rules)
    shown = jobtrail.ok("gate", "get", str(gate)).out
    for said in ("group:editors", "2 must approve", "not by whoever enqueued the job", "with a comment"):
        assert said in shown
    assert jobtrail.ok("gate", "get", "@last", "-o", "json").data["on_expire"] == "FAIL"
    assert jobtrail("gate", "approve", str(gate)).code == 4


def test_what_is_said_is_taken_back(jobtrail: Terminal, scene: Scene) -> None:
    gate = scene.ask(scene.start(), needed=2)
    assert jobtrail("gate", "withdraw", str(gate)).code == 6
    jobtrail.ok("gate", "approve", str(gate), "-m", "fine")
    assert "fine" in jobtrail.ok("gate", "get", str(gate)).out
    assert "taken back" in jobtrail.ok("gate", "withdraw", "@last").err
    assert jobtrail.ok("gate", "get", str(gate), "-o", "json").data["decisions"] == []


def test_lists_narrow_to_what_is_mine(jobtrail: Terminal, scene: Scene) -> None:
    mine = scene.ask(scene.start(), approvers=("role:OWNER",))
    scene.ask(scene.start(), approvers=("group:editors",))

    def listed(*flags: str) -> list[str]:
        return [one["id"] for one in jobtrail.ok("gate", "list", *flags, "-o", "json").data]

    assert len(listed()) == 2
    assert listed("--mine") == [str(mine)]
    assert len(listed("--group", "editors")) == 1 and listed("--queue", "slow") == listed("--type", "other") == []


def test_a_comment_that_is_missing_is_a_usage_error_that_names_it(jobtrail: Terminal, scene: Scene) -> None:
    scene.ask(scene.start(), rules=Rules(comment_required=True))
    ran = jobtrail("gate", "approve", "@last")
    assert ran.code == 2 and "comment" in ran.err
    jobtrail.ok("gate", "approve", "@last", "-m", "fine")


def test_a_form_is_shown_and_what_it_lacks_is_said_with_the_command_that_has_it(
    jobtrail: Terminal, scene: Scene
) -> None:
    terms = {
        "type": "object",
        "properties": {"eur": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["eur"],
    }
    scene.ask(scene.start(), form=json.dumps(terms), rules=Rules(comment_required=True))
    assert "eur=integer  [note=string]" in jobtrail.ok("gate", "get", "@last").out
    ran = jobtrail("gate", "approve", "@last", "-m", "fine")
    assert ran.code == 2 and "jobtrail gate approve @last eur=… -m '…'" in ran.err
    jobtrail.ok("gate", "approve", "@last", "eur=5", "-m", "fine")


def test_a_link_is_made_listed_and_taken_back(jobtrail: Terminal, scene: Scene) -> None:
    gate = scene.ask(scene.start())
    made = jobtrail.ok("gate", "link", "@last", "--for", "ben@example.org", "--expires", "1d", "-o", "json")
    assert made.data["url"].startswith("/g/gl_") and "JOBTRAIL_PUBLIC_URL" in made.err
    opened = scene.do(gate_links.opened(made.data["url"].rpartition("/")[2]))
    assert (opened.gate.id, opened.link.person) == (gate, "ben@example.org")
    (link,) = jobtrail.ok("gate", "links", str(gate), "-o", "json").data
    assert link["id"] == made.data["id"]
    assert "taken back" in jobtrail.ok("gate", "unlink", str(gate), link["id"]).err
    assert scene.do(gate_links.listed(WORKSPACE, gate))[0].revoked_at is not None
    assert jobtrail("gate", "unlink", str(gate), "abcdef12").code == 5
    assert jobtrail("gate", "link", str(gate), "--for", "x", "--expires", "60d").code == 2


@pytest.mark.parametrize("verb", ["get", "links"])
def test_a_gate_that_was_decided_can_be_looked_at(jobtrail: Terminal, scene: Scene, verb: str) -> None:
    scene.ask(scene.start())
    jobtrail.ok("gate", "approve", "@last")
    jobtrail.ok("gate", verb, "@last")


def test_over_http_it_is_the_same(
    jobtrail: Terminal, scene: Scene, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(database, tmp_path) as web:
        monkeypatch.setenv("JOBTRAIL_API_KEY", web.key())
        there = ("--server-url", web.url)
        gate = scene.ask(scene.start(), needed=2)
        assert jobtrail.ok("gate", "list", "--mine", *there, "-o", "json").data[0]["id"] == str(gate)
        jobtrail.ok("gate", "approve", str(gate), "-m", "fine", *there)
        assert "fine" in jobtrail.ok("gate", "get", str(gate), *there).out
        jobtrail.ok("gate", "withdraw", str(gate), *there)
        made = jobtrail.ok("gate", "link", str(gate), "--for", "ben", *there, "-o", "json").data
        assert made["url"].startswith(f"{web.url}/g/gl_")
        jobtrail.ok("gate", "unlink", str(gate), made["id"], *there)
        assert jobtrail.ok("gate", "links", str(gate), *there, "-o", "json").data[0]["revoked_at"]
