"""`jobtrail job list 'status:failed type:render'`: the language of searches on the command line."""

from __future__ import annotations

import pytest
from cli.terminal import Terminal
from scene import Scene

from jobtrail.service import lists


def test_a_list_takes_a_search(jobtrail: Terminal, scene: Scene) -> None:
    plain = scene.enqueue(input=b'{"customer": 42}')
    failed = scene.start(type="render", tags=("nightly",), queue="busy", title="The 100% cut").job_id

    def ids(*argv: str) -> list[str]:
        return [job["id"] for job in jobtrail.ok("job", "list", "-o", "json", *argv).data]

    assert ids("status:running type:render") == ids("state:running", "kind:render") == [str(failed)]
    assert ids("status:queued,running -tag:nightly age<1d") == [str(plain)]
    assert ids("args.customer:42") == ids("type:demo", "-s", "queued") == [str(plain)]
    assert ids('"100% CUT"') == ids("attempts>=1") == [str(failed)]
    assert ids("type:demo", "-t", "render") == []


def test_a_search_that_cannot_be_read_says_where(jobtrail: Terminal, scene: Scene) -> None:
    told = jobtrail("job", "list", "type:a stauts:failed")
    assert told.code == 2
    assert "at character 8" in told.err and "did you mean status" in told.err


def test_a_search_that_ended_early_says_how_to_go_on(
    jobtrail: Terminal, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "SEARCHED", 2)
    rare = scene.enqueue(tags=("rare",))
    others = scene.enqueue_many(2)
    told = jobtrail.ok("job", "list", "tag:rare")
    assert f"--before {others[0]}" in told.err
    assert str(rare) in jobtrail.ok("job", "list", "tag:rare", "--before", str(others[0])).out
