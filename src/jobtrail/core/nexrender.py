"""nexrender's words: the document of a render, read with the mistakes of every field, and the states that a render goes
through. Shapes only: what a workspace permits, and who is asked over which wire, is said elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec

from jobtrail.core.errors import Invalid

QUEUED: Final = "queued"
PICKED: Final = "picked"
FINISHED: Final = "finished"
ERROR: Final = "error"
STATES: Final = (
    "created",
    QUEUED,
    PICKED,
    "started",
    "render:setup",
    "render:predownload",
    "render:download",
    "render:postdownload",
    "render:prerender",
    "render:script",
    "render:dorender",
    "render:postrender",
    "render:cleanup",
    FINISHED,
    ERROR,
)
"""In their order. A server takes any other word as well, and lets a render go from any state to any other."""

OVER: Final = frozenset({FINISHED, ERROR})

ACTION_STAGES: Final = ("predownload", "postdownload", "prerender", "postrender")
CALLBACKS: Final = frozenset({"onChange", "onRenderProgress", "onRenderError"})
"""Functions of JavaScript. Over HTTP they arrive as text, and a node that calls text crashes: they are never passed on."""

SET_BY_RENDERING: Final = frozenset(
    {"uid", "state", "creator", "executor", "createdAt", "updatedAt", "startedAt", "finishedAt", "errorAt", "error",
     "timings", "renderProgress", "workpath", "scriptfile", "resultname"}
)  # fmt: skip
"""What servers and nodes write into a document."""

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a document. Its fields are written in camel case; those that it does not know are passed over."""


class Template(_Part, frozen=True):
    """The project that is rendered, and how."""

    src: Text
    composition: Name
    frame_start: int | None = None
    frame_end: int | None = None
    frame_increment: int | None = None
    continue_on_missing: bool = False
    settings_template: Name | None = None
    output_module: Name | None = None
    output_ext: Name | None = None
    image_sequence: bool = False
    render_settings: Any = None
    output_settings: Any = None
    name: str | None = None
    extension: str | None = None
    use_original: bool = False
    params: dict[str, Any] | None = None


class Source(_Part, frozen=True, tag_field="type", kw_only=True):
    """An asset that is fetched from somewhere."""

    src: Text
    name: str | None = None
    extension: str | None = None
    use_original: bool = False
    params: dict[str, Any] | None = None


class Footage(Source, frozen=True, kw_only=True):
    """An asset that takes the place of a layer, which has a name or a number."""

    layer_name: Name | None = None
    layer_index: Annotated[int, msgspec.Meta(ge=1)] | None = None
    composition: Name | None = None
    sequence: bool = False
    remove_old: bool = False


class Image(Footage, frozen=True, tag="image"):
    """A picture."""


class Audio(Footage, frozen=True, tag="audio"):
    """A sound."""


class Video(Footage, frozen=True, tag="video"):
    """A film."""


class Data(_Part, frozen=True, tag_field="type", tag="data"):
    """A value for a property of a layer, or an expression, which is code, that answers one."""

    property: Name
    layer_name: Name | None = None
    layer_index: Annotated[int, msgspec.Meta(ge=1)] | None = None
    composition: Name | None = None
    value: Any = msgspec.UNSET
    expression: str | None = None


class Script(Source, frozen=True, tag="script"):
    """Code that After Effects runs."""

    parameters: list[Any] | None = None
    keyword: str | None = None
    globals: str | None = None


class Static(Source, frozen=True, tag="static"):
    """A file that is laid beside the project."""


Asset: TypeAlias = Image | Audio | Video | Data | Script | Static
ASSET_TYPES: Final = {str(each.__struct_config__.tag): each for each in get_args(Asset)}


@dataclass(frozen=True, slots=True)
class Action:
    """A module that a node loads and calls before or after rendering. `at` is its path in the document."""

    at: str
    stage: str
    module: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read, and the object that it was read from."""

    template: Template
    assets: tuple[Asset, ...]
    actions: tuple[Action, ...]
    tags: str
    priority: float
    given: Mapping[str, Any]


def read(value: object, at: str = "") -> Document:
    """Reads a document. Raises Invalid whose `fields` name the mistakes by their paths, below `at`.

    >>> read({"template": {"src": "file:///a.aep", "composition": "main"}}).template.composition
    'main'
    """
    faults: dict[str, str] = {}
    if not isinstance(value, Mapping):
        raise Invalid("a render is described by an object", fields={at or "document": "must be an object"})
    template = _as_struct(Template, value["template"], "template", faults) if "template" in value else None
    if "template" not in value:
        faults["template"] = "is missing"
    assets = _assets(value.get("assets"), faults)
    actions = _actions(value.get("actions"), faults)
    tags, priority = _tags(value.get("tags"), faults), _priority(value.get("priority"), faults)
    if faults or template is None:
        named = {f"{at}.{path}" if at else path: what for path, what in faults.items()}
        raise Invalid(f"the document cannot be rendered: {_told(named)}", fields=named)
    return Document(template, assets, actions, tags, priority, value)


def known_fields(part: type[msgspec.Struct]) -> frozenset[str]:
    """The names that this part's fields have in a document.

    >>> "frameStart" in known_fields(Template)
    True
    """
    own = {each.encode_name for each in msgspec.structs.fields(part)}
    return frozenset(own | ({"type"} if part.__struct_config__.tag is not None else set()))


def _assets(value: object, faults: dict[str, str]) -> tuple[Asset, ...]:
    found = []
    for number, each in enumerate(_listed(value, "assets", faults)):
        at = f"assets[{number}]"
        if not isinstance(each, Mapping):
            faults[at] = "must be an object"
            continue
        kind = each.get("type")
        if not isinstance(kind, str) or kind not in ASSET_TYPES:
            faults[f"{at}.type"] = f"must be one of {', '.join(ASSET_TYPES)}"
            continue
        asset = _as_struct(ASSET_TYPES[kind], each, at, faults)
        if asset is not None and (wrong := _incomplete(asset)):
            faults[at] = wrong
        elif asset is not None:
            found.append(asset)
    return tuple(found)


def _incomplete(asset: Any) -> str | None:
    """What nexrender's server would refuse about an asset whose fields are fine one by one."""
    if isinstance(asset, (Footage, Data)) and asset.layer_name is None and asset.layer_index is None:
        return "names no layer: give layerName or layerIndex"
    if isinstance(asset, Data) and asset.value is msgspec.UNSET and not asset.expression:
        return "has neither value nor expression"
    return None


def _actions(value: object, faults: dict[str, str]) -> tuple[Action, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        faults["actions"] = "must be an object"
        return ()
    for name in value:
        if name not in ACTION_STAGES:
            faults[f"actions.{_short(name)}"] = f"actions happen at {', '.join(ACTION_STAGES)}"
    found = []
    for stage in ACTION_STAGES:
        for number, each in enumerate(_listed(value.get(stage), f"actions.{stage}", faults)):
            at = f"actions.{stage}[{number}]"
            module = each.get("module") if isinstance(each, Mapping) else None
            if not isinstance(module, str) or not module:
                faults[f"{at}.module"] = "must name the module that is called"
            else:
                found.append(Action(at, stage, module, {k: v for k, v in each.items() if k != "module"}))
    return tuple(found)


def _listed(value: object, at: str, faults: dict[str, str]) -> Iterable[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        faults[at] = "must be a list"
        return ()
    return value


def _tags(value: object, faults: dict[str, str]) -> str:
    """The server keeps tags as one text with commas; a list is easier to write."""
    tags: list[Any] = value if isinstance(value, list) else [value or ""]
    if not all(isinstance(tag, str) for tag in tags):
        faults["tags"] = "must be text with commas, or a list of texts"
        return ""
    return ",".join(map(str, tags))


def _priority(value: object, faults: dict[str, str]) -> float:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        faults["priority"] = "must be a number; the bigger is rendered sooner"
        return 0
    return value


_EXPECTED: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


def _as_struct(wanted: type[Any], value: object, at: str, faults: dict[str, str]) -> Any:
    """One part as its struct; None when it has mistakes, which are noted."""
    if not isinstance(value, Mapping):
        faults[at] = "must be an object"
        return None
    before = len(faults)
    for each in msgspec.structs.fields(wanted):
        path = f"{at}.{each.encode_name}"
        if each.encode_name in value:
            _check(value[each.encode_name], each.type, path, faults)
        elif each.required:
            faults[path] = "is missing"
    return msgspec.convert(value, wanted, strict=True) if len(faults) == before else None


def _check(value: object, wanted: Any, at: str, faults: dict[str, str]) -> None:
    try:
        msgspec.convert(value, wanted, strict=True)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        if expected := _EXPECTED.fullmatch(what):
            kinds = [_WORDS.get(each, each) for each in expected[1].split(" | ") if each != "null"]
            what = f"must be {' or '.join(kinds)}"
        elif "length >= 1" in what:
            what = "must not be empty"
        faults[at + path.rstrip("`")] = what[:1].lower() + what[1:]


def _told(faults: Mapping[str, str]) -> str:
    return "; ".join(f"{path} {what}" for path, what in list(faults.items())[:5])


def _short(name: object) -> str:
    return str(name)[:64]
