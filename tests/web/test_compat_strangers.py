"""What strangers, browsers and odd input do to the routes of a nexrender server: they are refused, and nothing is moved."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from serving import Served
from web.test_compat_nexrender import BASE, DOCUMENT, Node

from jobtrail.core.scopes import ApiScope


@pytest.mark.parametrize("path", ["/jobs/%00", "/jobs/%00/status", "/jobs/pickup/%00", "/jobs/pickup/%ED%A0%80", "/jobs/%ED%A0%80"])
def test_an_address_that_is_no_text_is_refused(web: Served, path: str) -> None:
    node = Node(web, "box")
    print(node.ask("GET", path).status_code, node.ask("GET", path).text[:200])
    assert node.ask("GET", path).status_code in (200, 400, 404)
    if "pickup" not in path and "status" not in path:
        print(node.ask("PUT", path, {"state": "started"}).text[:200])
        assert node.ask("PUT", path, {"state": "started"}).status_code in (400, 404)
        assert node.ask("DELETE", path).status_code in (200, 400, 404)


@pytest.mark.parametrize("more", [
    {"assets": [{"type": []}]}, {"assets": [{"type": {}}]}, {"assets": None}, {"actions": None}, {"tags": [[]]}, {"priority": 10**39},
    {"template": {"src": [], "composition": {}}}, {"jobtrail": []}, {"uid": 5}, {"error": {"a": 1}}, {"timings": 5}, {"said": 1},
    {"template": {"src": "x", "composition": "\u202e" * 300}}, {"error": [["a"]], "createdAt": {}}, {"tags": "a" * 300}, {"type": {"a": []}},
    {"tags": ["\u202e"]},{"template": {"src": "x", "composition": " "}}
])
def test_odd_documents(web: Served, more: dict[str, Any]) -> None:
    node = Node(web, "box")
    answer = node.ask("POST", "/jobs", DOCUMENT | more)
    print(answer.status_code, answer.text[:200])
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        uid = answer.json()["uid"]
        node.ok("GET", "/jobs/" + uid)
        node.ok("GET", "/jobs/status")
        for said in ({"priority": {}, "tags": {}}, {"priority": "x"}, {"tags": 5}, {"state": {}}, {"state": "\u202e", "error": [1, {"a": []}]}):
            a = node.ask("PUT", "/jobs/" + uid, said)
            print(said, a.status_code, a.text[:100])
            assert a.status_code < 500
        taken = node.pickup()
        for said in ({"state": "x\u0000y" * 300, "renderProgress": 10**400}, {"state": "\u202e", "error": [1, {"a": []}]},
                 {"error": {"a": "b" * 2_000_000}, "timings": "x", "executor": taken["executor"]}, {"state": "error", "error": [[[]]], "executor": taken["executor"]}):
            import json
            a = node.http.request("PUT", "/jobs/" + uid, content=json.dumps(said), headers={"content-type": "application/json"})
            print(said.keys(), a.status_code, a.text[:100])
            assert a.status_code < 500
        node.ok("GET", "/jobs/" + uid)
