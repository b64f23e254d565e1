"""What a call may say of a job beside its input, as keyword arguments, and which options of the job that makes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypedDict

from jobtrail.core import duration
from jobtrail.core.budget_terms import Budget, money
from jobtrail.core.errors import Invalid
from jobtrail.core.jsonguard import check_name
from jobtrail.core.status import PRIORITIES, DependencyPolicy, DependsMode, ParentPolicy
from jobtrail.core.unique import By, OnConflict, Span, Unique, fields_of, terms_of

_OF_KEYS = ("scope", "window", "on_conflict", "throttle", "debounce", "max_wait")


_POLICIES: Final[dict[str, type[StrEnum]]] = {
    "on_parent": ParentPolicy,
    "depends_mode": DependsMode,
    "on_dependency": DependencyPolicy,
}


class Terms(TypedDict, total=False):
    """Keyword arguments of `App.job` and `using`. Times as "10s", seconds or timedelta.

    `budget`: what the job and all that descends from it may use (`"1.00"`: dollars); `reserve` and `reserve_tokens`: what an
    attempt of it takes of the budgets that hold it before its code begins, dollars and tokens.
    `concurrency_key`: so many jobs with the same key run at once as `concurrency_limit` says, one if it says nothing;
    `customer:{customer}` takes it from the arguments. `slots`: how many of a worker's slots it takes.
    """

    unique: Unique | By
    unique_scope: str
    unique_window: Span
    on_conflict: OnConflict | str
    throttle: Span
    debounce: Span
    max_wait: Span
    expires: Span
    on_parent: ParentPolicy | str
    depends_mode: DependsMode | str
    on_dependency: DependencyPolicy | str
    budget: Budget | str
    reserve: Decimal | str | float
    reserve_tokens: int
    slots: int
    concurrency_key: str
    concurrency_limit: int


def options_of(terms: Terms) -> dict[str, Any]:
    """The options of a job that these terms make; only what they say. Raises Invalid with what does not go together."""
    if unknown := set(terms) - set(Terms.__annotations__):
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
    said: dict[str, Any] = {}
    unique = terms.get("unique")
    if isinstance(unique, Unique):
        said |= {"unique_by": unique.by} if unique.by is not None else {}
        said |= unique.terms
    elif unique is not None:
        said["unique_by"] = fields_of(unique)
    given: dict[str, Any] = {name: terms.get(f"unique_{name}", terms.get(name)) for name in _OF_KEYS}
    said |= terms_of(**given)
    for name, words in _POLICIES.items():
        if (policy := terms.get(name)) is not None:
            if (word := str(policy).upper()) not in list(words):
                raise Invalid(f"{name} is one of {', '.join(words)}, not {policy!r}", fields={name: str(policy)})
            said[name] = word
    if (expires := terms.get("expires")) is not None:
        length = duration.parse(expires).total_seconds()
        if length <= 0:
            raise Invalid("expires must be above 0: a job cannot be too late before it is accepted")
        said["expires_seconds"] = length
    if (budget := terms.get("budget")) is not None:
        said["budget"] = budget if isinstance(budget, Budget) else Budget(budget)
    if (reserve := terms.get("reserve")) is not None:
        said["reserve_usd"] = money(reserve, "reserve")
    if (tokens := terms.get("reserve_tokens")) is not None:
        said["reserve_tokens"] = tokens
    for name, most in ("slots", 1_000), ("concurrency_limit", 10_000):
        if (number := terms.get(name)) is not None:
            said[name] = _whole(number, name, most)
    if (key := terms.get("concurrency_key")) is not None:
        said["concurrency_key"] = check_name(key, "concurrency_key")
    return said


class Named(dict[str, Any]):
    """Names that a text asks for in braces; those that the call did not give stay as they stand."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def key_of(template: str, given: Mapping[str, Any]) -> str:
    """A concurrency key with the arguments of a call in place of `{their names}`. Raises Invalid."""
    if "{" not in template:
        return template
    try:
        key = template.format_map(Named(given))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise Invalid(
            f"concurrency_key {template!r} cannot be filled in: {error}; braces take the name of an argument: "
            "customer:{customer}",
            fields={"concurrency_key": "cannot be filled in"},
        ) from error
    return check_name(key, "concurrency_key")


def _whole(number: object, name: str, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise Invalid(f"{name} is a whole number, 1 to {most}, not {number!r}", fields={name: f"must be 1 to {most}"})
    return number


def priority_of(value: int | str) -> int:
    """A priority from 1 to 10 or by its name; the higher runs sooner. Raises Invalid."""
    number = PRIORITIES.get(value.upper(), value) if isinstance(value, str) else value
    if isinstance(number, str) and number.isdigit():
        number = int(number)
    if not isinstance(number, int) or not 1 <= number <= 10:
        names = ", ".join(PRIORITIES)
        raise Invalid(f"priority must be 1 to 10 or one of {names}, not {value!r}", fields={"priority": str(value)})
    return number
