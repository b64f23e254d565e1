"""Lengths of time as people write them: "10s", "1h30m", "PT5M". Strict, because a misread timeout is found too late."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from jobtrail.core.errors import Invalid

_SECONDS = {
    "w": Fraction(604_800),
    "d": Fraction(86_400),
    "h": Fraction(3_600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1_000),
}
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)"
_SHORT = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("w", "d", "h", "m", "s", "ms")))
_ISO = re.compile(f"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?")


def parse(text: str | float | timedelta) -> timedelta:
    """Read a length of time; a bare number is seconds, but only as a number, not as text.

    >>> parse("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        length = text
    elif isinstance(text, str):
        length = _of_text(text)
    elif isinstance(text, bool) or not isinstance(text, (int, float)):
        raise _wrong(text, "is not a length of time")
    else:
        length = _of_seconds(text, text)
    if length < timedelta(0):
        raise _wrong(text, "is negative")
    return length


def show(delta: timedelta) -> str:
    """The short form, exact, so that `parse` reads it back.

    >>> show(timedelta(hours=1, minutes=30))
    '1h30m'
    """
    if delta < timedelta(0):
        return "-" + show(-delta)
    if delta < timedelta(seconds=1):
        return f"{_trimmed(delta.microseconds, 1_000)}ms" if delta else "0s"
    hours, rest = divmod(delta.seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((delta.days, "d"), (hours, "h"), (minutes, "m")) if n]
    if seconds or delta.microseconds:
        parts.append(f"{_trimmed(seconds * 1_000_000 + delta.microseconds, 1_000_000)}s")
    return "".join(parts)


def _of_text(text: str) -> timedelta:
    if match := _SHORT.fullmatch(text):
        found = zip(("w", "d", "h", "m", "s", "ms"), match.groups(), strict=True)
    elif match := _ISO.fullmatch(text):
        found = zip(("w", "d", "h", "m", "s"), match.groups(), strict=True)
    else:
        raise _wrong(text, "is not a length of time")
    amounts = [Fraction(number) * _SECONDS[unit] for unit, number in found if number]
    if not amounts:
        raise _wrong(text, "is not a length of time")
    return _of_seconds(sum(amounts, Fraction(0)), text)


def _of_seconds(seconds: float | Fraction, text: object) -> timedelta:
    try:
        # Whole microseconds first: timedelta takes floats only, which lose the last digits of long times.
        return timedelta(microseconds=round(Fraction(seconds) * 1_000_000))
    except (OverflowError, ValueError):
        raise _wrong(text, "is out of range") from None


def _trimmed(amount: int, per_unit: int) -> str:
    """The amount in units of `per_unit`, without trailing zeros."""
    whole, rest = divmod(amount, per_unit)
    return f"{whole}.{rest:0{len(str(per_unit)) - 1}d}".rstrip("0").rstrip(".")


def _wrong(value: object, what: str) -> Invalid:
    shown = repr(value)
    return Invalid(
        f"{shown if len(shown) <= 60 else shown[:60] + '…'} {what}; write for example 10s, 5m, 1h30m, 250ms, 2d"
    )
