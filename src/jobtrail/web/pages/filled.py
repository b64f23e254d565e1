"""What somebody filled into a form without scripts, read back by the fields that the form was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.web.pages.fields import Field

_NOTHING: Final = object()


def read(fields: Sequence[Field], name: str, posted: Mapping[str, Sequence[str]]) -> Any:
    """The value of a whole form under `name`; None where it asks for nothing. What was left empty is left out.

    Raises Invalid, by field, for what is not what its field takes.
    """
    if not fields:
        return None
    if len(fields) == 1 and fields[0].name == name:
        value = _value(fields[0], posted)
        return None if value is _NOTHING else value
    return _object(fields, posted)


def _object(fields: Sequence[Field], posted: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    read = ((field.name.rpartition(".")[2], _value(field, posted)) for field in fields)
    return {key: value for key, value in read if value is not _NOTHING}


def _value(field: Field, posted: Mapping[str, Sequence[str]]) -> Any:
    if field.look == "group":
        return _object(field.parts, posted) or _NOTHING
    given = posted.get(field.name, ())
    if field.look == "bool":
        return bool(given)
    if field.look == "many":
        return [jsonguard.clean_text(one) for one in given]
    text = jsonguard.clean_text(given[0]) if given else ""
    if not text.strip():
        return _NOTHING
    if field.look == "list":
        return [one.strip() for one in text.split(",") if one.strip()]
    if field.reads_as == "number":
        return _number(text, field)
    if field.reads_as == "json":
        return _json(text, field)
    return text


def _number(text: str, field: Field) -> float:
    try:
        return int(text) if text.strip().lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise Invalid(f"{field.label}: {text!r} is no number", fields={field.name: "must be a number"}) from None


def _json(text: str, field: Field) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"{field.label} is no JSON", fields={field.name: "must be JSON"}) from None
