"""What a document may do, and what it may not, whatever way it is written."""

from __future__ import annotations

import ntpath
import posixpath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexrender.bed import DOCUMENT, RenderBed
from runners.pipelines import failed

from jobtrail.core.errors import Denied, Invalid, Unavailable
from jobtrail.outgoing import guard
from jobtrail.runners.nexrender import rules, spec
from jobtrail.runners.nexrender.paths import in_one_of, wrong_name, wrong_relative
from jobtrail.runners.nexrender.rules import Installation

HOUSE = Installation(servers=("http://10.0.0.5:3000",), roots=("/renders", "D:\\renders"))
LAYER = {"layerName": "logo"}


def faults(document: dict[str, Any], policy: dict[str, Any] | None = None, **input: Any) -> dict[str, str]:
    order = spec.parse({"document": {**DOCUMENT, **document}, **input})
    return rules.faults(order, rules.allowed({"nexrender": policy} if policy is not None else {}, HOUSE))


def template(**more: Any) -> dict[str, Any]:
    return {"template": {**DOCUMENT["template"], **more}}


def asset(**more: Any) -> dict[str, Any]:
    return {"assets": [{"type": "image", "layerName": "logo", "src": "https://x.example.org/a.png", **more}]}


def action(module: str, **more: Any) -> dict[str, Any]:
    return {"actions": {"postrender": [{"module": module, **more}]}}


COPY = "@nexrender/action-copy"

FINE: list[dict[str, Any]] = [
    {},
    template(src="file:///renders/a.aep", outputModule="H.264", settingsTemplate="Best Settings", outputExt="mov"),
    template(src="file:///D:/Renders/a.aep"),
    asset(src="data:image/png;base64,AAAA"),
    {"assets": [{"type": "data", **LAYER, "property": "Source Text", "value": "Hello"}]},
    action(COPY, input="result.mov", output="/renders/out/a.mov"),
    action(COPY, input="result.mov", output="d:/RENDERS/a.mov"),
    action("@nexrender/action-encode", preset="mp4", output="encoded.mp4"),
    {"tags": ["fast", "gpu"], "priority": 9, "onChange": "function"},
]


@pytest.mark.parametrize("document", FINE)
def test_a_plain_document_needs_no_permission(document: dict[str, Any]) -> None:
    assert faults(document) == {}


REFUSED: list[tuple[dict[str, Any], str]] = [
    # where it reads
    (template(src="http://x.example.org/a.aep"), "template.src"),
    (template(src="a.aep"), "template.src"),
    (template(src="s3://bucket/a.aep"), "template.src"),
    (template(src="javascript:alert(1)"), "template.src"),
    (template(src="file:///etc/passwd"), "template.src"),
    (template(src="file:///renders/../etc/passwd"), "template.src"),
    (template(src="file:///renders/%2e%2e/etc/passwd"), "template.src"),
    (template(src="file:///renders/%252e%252e/etc/passwd"), "template.src"),
    (template(src="file:///renders/$HOME/a"), "template.src"),
    (template(src="file:///renders/%25TEMP%25/a"), "template.src"),
    (template(src="file:renders/a.aep"), "template.src"),
    (template(src="file://evil/renders/a.aep"), "template.src"),
    (template(src="file:///C:/Windows/win.ini"), "template.src"),
    (template(src="https://10.0.0.9/a.aep"), "template.src"),
    (template(src="https://localhost/a.aep"), "template.src"),
    (template(src="https://169.254.169.254/latest"), "template.src"),
    (template(src="https://user:pw@x.example.org/a.aep"), "template.src"),
    (asset(src="https://[::1]/a.png"), "assets[0].src"),
    # what its files are called
    (asset(name="../../evil.png"), "assets[0].name"),
    (asset(name="a\\b.png"), "assets[0].name"),
    (asset(name=".."), "assets[0].name"),
    (asset(extension="png/../../x"), "assets[0].extension"),
    # where it writes
    (action(COPY, input="result.mov", output="/etc/cron.d/x"), "actions.postrender[0].output"),
    (action(COPY, input="result.mov", output="../../x"), "actions.postrender[0].output"),
    (action(COPY, input="result.mov", output="C:\\Windows\\x"), "actions.postrender[0].output"),
    (action(COPY, input="result.mov", output="C:x"), "actions.postrender[0].output"),
    (action(COPY, input="result.mov", output="\\\\evil\\share\\x"), "actions.postrender[0].output"),
    (action(COPY, input="result.mov", output="file:///etc/x"), "actions.postrender[0].output"),
    (action(COPY, input="/etc/passwd", output="/renders/x"), "actions.postrender[0].input"),
    (action(COPY, input="../other/result.mov", output="/renders/x"), "actions.postrender[0].input"),
    (action(COPY, input=["x"], output="/renders/x"), "actions.postrender[0].input"),
    ({"output": "/etc/x"}, "output"),
    (template(outputSettings={"Output File Info": {"Full Flat Path": "/etc/x"}}), "template.outputSettings"),
    (template(renderSettings={"x": 1}), "template.renderSettings"),
    # what it loads and runs
    (action("./evil.js"), "actions.postrender[0].module"),
    (action("@nexrender/action-upload", provider="s3"), "actions.postrender[0].module"),
    (action("@nexrender/action-webhook", url="http://10.0.0.1"), "actions.postrender[0].module"),
    (action("@nexrender/action-encode", params={"-i": "/etc/passwd"}), "actions.postrender[0].params"),
    ({"assets": [{"type": "script", "src": "https://x.example.org/a.jsx"}]}, "assets[0].type"),
    ({"assets": [{"type": "data", **LAYER, "property": "p", "expression": "x"}]}, "assets[0].expression"),
    ({"assets": [{"type": "data", **LAYER, "property": "p.Expression", "value": "x"}]}, "assets[0].property"),
    ({"assets": [{"type": "data", **LAYER, "property": "p->expression", "value": "x"}]}, "assets[0].property"),
    (template(outputModule='x" & calc & "'), "template.outputModule"),
    (template(composition="-project"), "template.composition"),
    # what it says that nobody has checked, or that is not its to say
    ({"uid": "mine"}, "uid"),
    ({"state": "finished"}, "state"),
    ({"scriptfile": "/tmp/x.jsx"}, "scriptfile"),
    ({"settings": {}}, "settings"),
    (template(dest="/etc/x"), "template.dest"),
    (asset(dest="/etc/x"), "assets[0].dest"),
]


@pytest.mark.parametrize(("document", "path"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_no_list_names_is_refused(document: dict[str, Any], path: str) -> None:
    assert f"document.{path}" in faults(document)


ALLOWED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (template(src="http://x.example.org/a.aep"), {"schemes": ["http"]}),
    (template(src="s3://bucket/a.aep"), {"schemes": ["s3"]}),
    (template(src="https://10.0.0.9/a.aep"), {"hosts": ["10.0.0.9"]}),
    (template(src="https://a.assets.lan/a.aep"), {"hosts": ["*.assets.lan"]}),
    (template(src="file:///templates/a.aep"), {"input_roots": ["/templates"]}),
    (template(src="file://NAS/Templates/a.aep"), {"input_roots": ["//nas/templates"]}),
    (action(COPY, input="result.mov", output="E:\\out\\a.mov"), {"output_roots": ["e:/out"]}),
    (action("@nexrender/action-upload", provider="s3", params={}), {"modules": ["@nexrender/action-upload"]}),
    ({"assets": [{"type": "script", "src": "https://x.example.org/a.jsx"}]}, {"allow_scripts": True}),
    ({"assets": [{"type": "data", **LAYER, "property": "p", "expression": "x"}]}, {"allow_scripts": True}),
    ({"settings": {}}, {"fields": ["settings"]}),
]


@pytest.mark.parametrize(("document", "policy"), ALLOWED)
def test_a_policy_opens_what_it_names(document: dict[str, Any], policy: dict[str, Any]) -> None:
    assert faults(document) != {}
    assert faults(document, policy) == {}


@pytest.mark.parametrize(
    ("document", "policy", "path"),
    [
        (template(src="https://x.example.org/a.aep"), {"hosts": ["y.example.org"]}, "template.src"),
        (template(src="https://example.org.evil.net/a"), {"hosts": ["*.example.org"]}, "template.src"),
        (template(src="https://example.org/a"), {"hosts": ["*.example.org"]}, "template.src"),
        (action("webhook", url="https://evil.net"), {"modules": ["webhook"], "hosts": []}, "actions.postrender[0].url"),
        (action(COPY, input="a", output="/renders/a.mov"), {"output_roots": ["/renders/ours"]}, "actions.postrender[0].output"),
    ],
)  # fmt: skip
def test_a_policy_narrows_what_it_names(document: dict[str, Any], policy: dict[str, Any], path: str) -> None:
    assert f"document.{path}" in faults(document, policy)


@pytest.mark.parametrize("policy", [[], {"hosts": "x"}, {"allow_scripts": "yes"}, {"host": []}, {"modules": [1]}])
def test_a_policy_that_cannot_be_read_allows_nothing(policy: Any) -> None:
    with pytest.raises(Invalid, match="policy cannot be read"):
        rules.allowed({"nexrender": policy}, HOUSE)


# Servers


def chosen(server: str | None, policy: dict[str, Any] | None = None, house: Installation = HOUSE) -> str:
    order = spec.parse({"document": DOCUMENT, **({"server": server} if server else {})})
    return rules.server(order, rules.allowed({"nexrender": policy} if policy else {}, house))


def test_the_one_server_of_the_installation_is_asked_though_it_is_private() -> None:
    assert chosen(None) == "http://10.0.0.5:3000"
    assert chosen("HTTP://10.0.0.5:3000/") == "http://10.0.0.5:3000"


@pytest.mark.parametrize(
    "server",
    ["http://10.0.0.6:3000", "http://10.0.0.5:3001", "https://10.0.0.5:3000", "http://render.example.org", "x"],
)
def test_a_job_cannot_name_another_server(server: str) -> None:
    with pytest.raises((Denied, Invalid)):
        chosen(server)


def test_a_workspace_chooses_among_servers_and_opens_no_address() -> None:
    assert chosen(None, {"servers": ["https://render.example.org"]}) == "https://render.example.org:443"
    with pytest.raises(Denied, match="JOBTRAIL_OUTGOING_ALLOW"):
        chosen(None, {"servers": ["http://10.9.9.9:80"]})
    with pytest.raises(Denied, match="none of the render servers"):
        chosen("http://10.0.0.5:3000", {"servers": ["https://render.example.org"]})


def test_with_several_servers_a_job_names_one() -> None:
    house = Installation(servers=("http://10.0.0.5:3000", "http://10.0.0.6:3000"))
    with pytest.raises(Invalid, match="name one of the render servers"):
        chosen(None, house=house)
    assert chosen("http://10.0.0.6:3000", house=house) == "http://10.0.0.6:3000"


def test_a_server_opens_its_own_port_only() -> None:
    opened = rules.allowed({}, HOUSE).outgoing
    guard.target("http://10.0.0.5:3000/x", opened)
    with pytest.raises(Denied):
        guard.target("http://10.0.0.5:22/x", opened)


def test_a_folder_may_be_each_workspaces_own() -> None:
    ours = Installation(roots=("/renders/{workspace}",)).of(UUID(int=7))
    assert ours.roots == (f"/renders/{UUID(int=7)}",)


# Outputs


@pytest.mark.parametrize(
    "output", ["/etc/passwd", "/renders/../etc/passwd", "renders/x", "http://10.0.0.9/x", "ftp://x/y"]
)
def test_the_worker_fetches_outputs_from_what_is_open_only(output: str) -> None:
    assert "output" in faults({}, output=output)


def test_a_workspace_may_narrow_the_folders_of_outputs_and_not_widen_them() -> None:
    assert faults({}, {"output_roots": ["/renders/ours"]}, output="/renders/ours/a.mov") == {}
    assert "output" in faults({}, {"output_roots": ["/renders/ours"]}, output="/renders/theirs/a.mov")
    assert "output" in faults({}, {"output_roots": ["/"]}, output="/etc/passwd")


# Paths

PIECES = st.lists(
    st.sampled_from(
        ["..", ".", "a", "renders", "/", "\\", "//", "C:", ":", "~", "$HOME", "%TEMP%", "%2e", " ", "x.mov", "…"]
    ),
    max_size=8,
)


@given(PIECES)
def test_no_path_that_is_let_through_leaves_its_folder(pieces: list[str]) -> None:
    path = "".join(pieces)
    if in_one_of(path, ["/renders"]) is None:
        assert posixpath.normpath(path).startswith("/renders")
    if in_one_of(path, ["c:/renders"]) is None:
        assert ntpath.normpath(path).lower().startswith("c:\\renders")
    if wrong_relative(path) is None:
        for kind, root in ((posixpath, "/node/job"), (ntpath, "c:\\node\\job")):
            assert kind.normpath(kind.join(root, path)).startswith(root)
    if wrong_name(path) is None:
        assert posixpath.basename(path) == ntpath.basename(path) == path
        assert path not in ("", ".", "..")


# Before the queue


def test_a_check_says_everything_that_would_be_refused(bed: RenderBed) -> None:
    bed.input["document"] = {**template(src=f"file://{bed.folder}/renders/none.aep"), **asset(src="http://x.org/a")}
    found = bed.check()
    assert found["document.template.src"] == "there is no such file"
    assert "http: is not allowed" in found["document.assets[0].src"]


def test_a_check_asks_whether_the_server_is_there_and_blames_no_input_if_not(bed: RenderBed) -> None:
    assert bed.check() == {}
    bed.server.away = True
    with pytest.raises(Unavailable):
        bed.check()


def test_a_check_misses_a_secret_that_is_not_set(bed: RenderBed) -> None:
    bed.input["secret"] = {"env": "NEXRENDER_SECRET"}
    assert "NEXRENDER_SECRET" in bed.check()["secret"]


def test_what_is_not_allowed_is_refused_again_where_it_runs(bed: RenderBed) -> None:
    bed.input["document"] = template(src="file:///etc/passwd")
    outcome = failed(bed.attempt())
    assert (outcome.code, outcome.final) == ("not_allowed", True)
    assert bed.server.asked == []
