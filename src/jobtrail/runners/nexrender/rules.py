"""What a render may read, write, load and run: the lists of the installation and of the workspace, held against a document.

Pure. A node reads files, calls hosts, loads modules and runs code as the document says: what no list names is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit
from uuid import UUID

from jobtrail.core import nexrender
from jobtrail.core.errors import Denied, Invalid, JobtrailError
from jobtrail.core.nexrender import Action, Data, Document, Script, Template
from jobtrail.outgoing import guard
from jobtrail.outgoing.guard import Opening, Rules
from jobtrail.runners.nexrender.paths import in_one_of, rooted, wrong_name, wrong_relative
from jobtrail.runners.nexrender.spec import TYPE, UID, Order

SCHEMES: Final = frozenset({"https", "file", "data"})
PLAIN_MODULES: Final[Mapping[str, frozenset[str]]] = {
    "@nexrender/action-copy": frozenset({"input", "output", "useJobId"}),
    "@nexrender/action-encode": frozenset({"input", "output", "preset"}),
}
"""Modules that need no permission, with these options only: what else they take reaches further than the job's files."""

_TOP: Final = frozenset({"template", "assets", "actions", "tags", "priority", "output", "type"}) | nexrender.CALLBACKS
_UNPRINTABLE: Final = re.compile(r'[\x00-\x1f\x7f"`]')
_EXTENSION: Final = re.compile(r"[A-Za-z0-9_-]{1,16}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}")
_WORKSPACE: Final = "{workspace}"
_LISTS: Final = ("servers", "schemes", "hosts", "modules", "input_roots", "output_roots", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What whoever runs the worker has opened for all workspaces: render servers, folders that worker and nodes share,
    and addresses of the own network."""

    servers: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    outgoing: Rules = Rules()

    def of(self, workspace: UUID) -> Installation:
        """As it is for this workspace: `{workspace}` in a folder is its id, so that none reads another's renders."""
        return replace(self, roots=tuple(each.replace(_WORKSPACE, str(workspace)) for each in self.roots))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What one workspace may do. `hosts` None: every public one. `roots` are of the worker, the others of the nodes."""

    servers: tuple[str, ...] = ()
    schemes: frozenset[str] = SCHEMES
    hosts: tuple[str, ...] | None = None
    modules: frozenset[str] = frozenset()
    input_roots: tuple[str, ...] = ()
    output_roots: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    allow_scripts: bool = False
    outgoing: Rules = Rules()


def allowed(policy: Mapping[str, Any], installation: Installation) -> Allowed:
    """The lists of a workspace, where it has any, within those of the installation. Raises Invalid for a policy that
    cannot be read: then nothing is allowed."""
    said = policy.get(TYPE, {})
    lists, scripts = _read(said)
    servers = lists.get("servers", installation.servers)
    own = [_origin(each) for each in installation.servers]
    opened = tuple(Opening(host=each.host, network=each.network, port=each.port) for each in own)
    shared = installation.roots
    narrowed = lists.get("output_roots")
    return Allowed(
        servers=servers,
        schemes=frozenset(each.lower() for each in lists["schemes"]) if "schemes" in lists else SCHEMES,
        hosts=tuple(each.lower() for each in lists["hosts"]) if "hosts" in lists else None,
        modules=frozenset(lists.get("modules", ())),
        input_roots=(*lists.get("input_roots", ()), *(narrowed or ()), *shared),
        output_roots=narrowed if narrowed is not None else shared,
        roots=shared if narrowed is None else tuple(_within(shared, narrowed)),
        fields=frozenset(lists.get("fields", ())),
        allow_scripts=scripts,
        outgoing=replace(installation.outgoing, allowed=(*installation.outgoing.allowed, *opened)),
    )


def faults(order: Order, rules: Allowed) -> dict[str, str]:
    """What of an order is not allowed, by path; empty when all of it is."""
    found = {f"document.{path}": what for path, what in _of_document(order.document, rules)}
    try:
        server(order, rules)
    except JobtrailError as error:
        found["server"] = error.message
    if order.output is not None and (wrong := _of_output(order.output, rules)):
        found["output"] = wrong
    return found


def server(order: Order, rules: Allowed) -> str:
    """The URL of the server to ask, one of those that are allowed. Raises Invalid or Denied.

    The job's input never opens an address: a secret is sent there, and a render server is usually in the own network.
    """
    if order.server is None:
        if len(rules.servers) != 1:
            raise Invalid(
                f"name one of the render servers: {', '.join(rules.servers)}"
                if rules.servers
                else "there is no render server: set JOBTRAIL_NEXRENDER_URL where the worker starts"
            )
        return _normal(rules.servers[0], rules)
    wanted = _normal(order.server, rules, known=False)
    if wanted not in {_normal(each, rules, known=False) for each in rules.servers}:
        raise Denied(
            f"{order.server} is none of the render servers that jobs may use: an installation names them in "
            "JOBTRAIL_NEXRENDER_URL, a workspace in its policy (nexrender.servers)"
        )
    return _normal(order.server, rules)


def _normal(url: str, rules: Allowed, *, known: bool = True) -> str:
    """A server's URL in one spelling. With `known`, also whether it may be called at all. Raises Invalid or Denied."""
    opened = rules.outgoing if known else guard.rules(_everything(url))
    return guard.target(url, opened).url.rstrip("/")


def _everything(url: str) -> Iterator[str]:
    """An allow list that lets the spelling of any URL be read."""
    try:
        parts = urlsplit(url)
        if parts.hostname and "%" not in parts.hostname:
            yield f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    except ValueError:
        return


def _origin(url: str) -> Opening:
    """What one server of the installation opens: its host on its port, nothing else. Raises Invalid."""
    target = guard.target(url, guard.rules(_everything(url)))
    shown = f"[{target.host}]" if ":" in target.host else target.host
    return guard.rules([f"{shown}:{target.port}"]).allowed[0]


def _read(said: object) -> tuple[dict[str, tuple[str, ...]], bool]:
    """The lists of a policy, and whether code may run. Raises Invalid."""
    if not isinstance(said, Mapping):
        raise Invalid("the workspace's policy cannot be read: nexrender must be an object")
    scripts = said.get("allow_scripts", False)
    wrong = [name for name in said if name not in (*_LISTS, "allow_scripts")]
    if wrong or not isinstance(scripts, bool):
        what = f"there is no nexrender.{wrong[0]}" if wrong else "nexrender.allow_scripts must be true or false"
        raise Invalid(f"the workspace's policy cannot be read: {what}")
    lists: dict[str, tuple[str, ...]] = {}
    for name in _LISTS:
        if name in said:
            value = said[name]
            if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
                raise Invalid(f"the workspace's policy cannot be read: nexrender.{name} must be a list of texts")
            lists[name] = tuple(cast("list[str]", value))
    return lists, scripts


def _within(shared: Iterable[str], narrowed: Iterable[str]) -> Iterator[str]:
    """The folders of the worker that both lists name: a workspace may narrow what the installation opened."""
    shared, narrowed = tuple(shared), tuple(narrowed)
    for each in narrowed:
        if each.startswith("/") and in_one_of(each, shared) is None:
            yield each
    for each in shared:
        if in_one_of(each, narrowed) is None:
            yield each


def _of_output(output: str, rules: Allowed) -> str | None:
    """Why the worker may not fetch the output from there."""
    if "://" in output:
        try:
            host = guard.target(output.replace(UID, "0"), rules.outgoing).host
        except JobtrailError as error:
            return error.message
        return None if rules.hosts is None else _unlisted(host, rules.hosts)
    if not rules.roots:
        return "no folder is shared with the render nodes: name some in JOBTRAIL_NEXRENDER_ROOTS, or give a URL"
    return in_one_of(output, rules.roots)


def _of_document(document: Document, rules: Allowed) -> Iterator[tuple[str, str]]:
    for name in document.given:
        if name in nexrender.SET_BY_RENDERING:
            yield name, "is written by the server and its nodes; leave it out"
        elif name not in _TOP and name not in rules.fields:
            yield name, _unknown()
    if not isinstance(document.given.get("type", ""), str):
        yield "type", "must be text"
    output = document.given.get("output")
    if output and (wrong := _target_fault(output, rules)):
        yield "output", wrong
    yield from _of_template(document.template, document.given["template"], rules)
    for number, asset in enumerate(document.assets):
        yield from _of_asset(asset, document.given["assets"][number], f"assets[{number}]", rules)
    for action in document.actions:
        yield from _of_action(action, rules)


def _of_template(template: Template, given: Mapping[str, Any], rules: Allowed) -> Iterator[tuple[str, str]]:
    yield from _of_source(template, given, "template", rules)
    for name in ("settingsTemplate", "outputModule", "composition"):
        text = given.get(name)
        if text is not None and (_UNPRINTABLE.search(text) or text.startswith("-")):
            yield f"template.{name}", "must not begin with - and holds no quotes or control characters"
    if template.output_ext is not None and not _EXTENSION.fullmatch(template.output_ext):
        yield "template.outputExt", "must be the end of a file's name, such as mov"
    for name in ("renderSettings", "outputSettings"):
        if given.get(name) is not None and not rules.allow_scripts:
            yield f"template.{name}", f"may say where files are written; {_scripts()}"


def _of_asset(asset: Any, given: Mapping[str, Any], at: str, rules: Allowed) -> Iterator[tuple[str, str]]:
    if not isinstance(asset, Data):
        yield from _of_source(asset, given, at, rules)
    else:
        yield from _unknown_fields(Data, given, at, rules)
    if rules.allow_scripts:
        return
    if isinstance(asset, Script):
        yield f"{at}.type", f"a script is code that After Effects runs; {_scripts()}"
    elif isinstance(asset, Data):
        if asset.expression is not None:
            yield f"{at}.expression", f"an expression is code; {_scripts()}"
        if re.split(r"->|\.", asset.property)[-1].strip().lower() == "expression":
            yield f"{at}.property", f"sets an expression, which is code; {_scripts()}"


def _of_source(part: Any, given: Mapping[str, Any], at: str, rules: Allowed) -> Iterator[tuple[str, str]]:
    yield from _unknown_fields(type(part), given, at, rules)
    if wrong := _source_fault(part.src, rules):
        yield f"{at}.src", wrong
    if part.name is not None and (wrong := wrong_name(part.name)):
        yield f"{at}.name", wrong
    if part.extension is not None and not _EXTENSION.fullmatch(part.extension):
        yield f"{at}.extension", "must be the end of a file's name, such as mov"


def _unknown_fields(part: Any, given: Mapping[str, Any], at: str, rules: Allowed) -> Iterator[tuple[str, str]]:
    for name in given:
        if name not in nexrender.known_fields(part) and name not in rules.fields:
            yield f"{at}.{name[:64]}", _unknown()


def _of_action(action: Action, rules: Allowed) -> Iterator[tuple[str, str]]:
    plain = PLAIN_MODULES.get(action.module)
    if action.module not in rules.modules:
        if plain is None:
            yield f"{action.at}.module", "is not allowed here: the workspace's policy lists it in nexrender.modules"
            return
        for name in action.options:
            if name not in plain:
                hint = "allow the module itself in the workspace's policy (nexrender.modules)"
                yield f"{action.at}.{name[:64]}", f"of {action.module} only {', '.join(sorted(plain))} are open; {hint}"
    for name in ("input", "output"):
        value = action.options.get(name)
        if isinstance(value, str):
            wrong = wrong_relative(value) if name == "input" and not rooted(value) else _target_fault(value, rules)
            if wrong:
                yield f"{action.at}.{name}", wrong
        elif value is not None:
            yield f"{action.at}.{name}", "must be text"
    for name in ("url", "src"):
        value = action.options.get(name)
        if isinstance(value, str) and (wrong := _source_fault(value, rules)):
            yield f"{action.at}.{name}", wrong


def _target_fault(value: Any, rules: Allowed) -> str | None:
    """Why a node may not write there. What is relative stays in the folder of the render."""
    if not isinstance(value, str):
        return "must be text"
    value = value.removeprefix("file://")
    if not rooted(value):
        return wrong_relative(value)
    if not rules.output_roots:
        return (
            "no folder is open for renders: JOBTRAIL_NEXRENDER_ROOTS names some, or the policy nexrender.output_roots"
        )
    return in_one_of(value, rules.output_roots)


def _source_fault(src: str, rules: Allowed) -> str | None:
    """Why a node may not read from there."""
    scheme, colon, rest = src.partition(":")
    scheme = scheme.lower()
    if not colon or not _SCHEME.fullmatch(scheme):
        return "must be a URL, such as https://…, file:///… or data:…"
    if scheme not in rules.schemes:
        there = ", ".join(sorted(rules.schemes))
        return f"{scheme}: is not allowed; there is {there}, and what the workspace's policy lists in nexrender.schemes"
    if scheme == "data":
        return None
    if scheme == "file":
        return _file_fault(rest, rules)
    return _host_fault(src, rules)


def _file_fault(rest: str, rules: Allowed) -> str | None:
    path = unquote(rest)
    if not path.startswith("//"):
        return "must be a whole URL, such as file:///renders/a.aep"
    path = path.removeprefix("//")
    path = f"//{path}" if not path.startswith("/") else path  # a host: a share of another machine
    if re.match(r"/[A-Za-z]:[/\\]", path):
        path = path[1:]
    if not rules.input_roots:
        return "no folder is open for files: JOBTRAIL_NEXRENDER_ROOTS names some, or the policy nexrender.input_roots"
    return in_one_of(path, rules.input_roots)


def _host_fault(url: str, rules: Allowed) -> str | None:
    """Why a node may not call this host: by the list of hosts or, without one, because it is none of the public ones."""
    try:
        parts = urlsplit(url)
        if rules.hosts is None:
            opened = Rules()
        elif wrong := _unlisted(parts.hostname, rules.hosts):
            return wrong
        else:
            opened = guard.rules(_everything(url))
        if parts.scheme.lower() in ("http", "https"):
            guard.target(url, opened)
    except ValueError as error:
        return f"cannot be read: {error}"
    except JobtrailError as error:
        return (
            f"{error.message.partition(';')[0]}; a workspace's policy lists what its nodes may call in nexrender.hosts"
        )
    return None


def _unlisted(host: str | None, hosts: tuple[str, ...]) -> str | None:
    if any(_names(each, (host or "").lower()) for each in hosts):
        return None
    return f"{host or 'no host'} is none of the hosts that the workspace's policy lists in nexrender.hosts"


def _names(entry: str, host: str) -> bool:
    """Whether an entry of the list means this host: itself, or with *. all that is below."""
    return host.endswith(entry[1:]) and len(host) > len(entry[1:]) if entry.startswith("*.") else host == entry


def _scripts() -> str:
    return "code runs only where the workspace's policy says nexrender.allow_scripts"


def _unknown() -> str:
    return "is unknown here, so nobody has checked what it does; the policy may list it in nexrender.fields"
