"""What may enter as JSON, and how output is cleaned."""

from __future__ import annotations

import enum
import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid, TooLarge
from jobtrail.core.jsonguard import check_name, clean_text, clean_value, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
NUMBERS = st.integers(-(10**39), 10**39) | st.floats(allow_nan=False, allow_infinity=False)
GOOD = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=25,
)
ANY_TEXT = st.text(st.characters())  # lone surrogates and NUL included
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary() | st.decimals() | st.datetimes()
    | st.timedeltas() | st.uuids() | st.just(object()) | st.just(10**50) | st.just(-(10**4000)) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(ANY_TEXT | st.integers() | st.floats() | st.booleans() | st.none(), inner, max_size=4)
    | st.tuples(inner, inner)
    | st.frozensets(st.integers() | ANY_TEXT, max_size=3),
    max_leaves=15,
)  # fmt: skip


class Colour(enum.Enum):
    RED = "red"


class Level(str, enum.Enum):  # the old way, which users still have
    LOW = "low"


class Point(msgspec.Struct, rename="camel", tag=True):
    x_axis: float
    note: str | msgspec.UnsetType = msgspec.UNSET


class Row(msgspec.Struct, array_like=True):
    x: float


@dataclass
class Order:
    amount: float
    tags: list[str]


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Model:
    """What a pydantic model looks like from outside."""

    def model_dump(self, *, mode: str) -> dict[str, object]:
        return {"mode": mode, "score": float("nan")}


class Text(str):
    pass


class Number(int):
    pass


class Moment(datetime):
    pass


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def problems(act: Callable[[], object]) -> dict[str, str]:
    with pytest.raises((Invalid, TooLarge)) as caught:
        act()
    return caught.value.fields


@given(GOOD)
def test_what_is_encoded_reads_back_the_same(value: object) -> None:
    assert json.loads(encode(value)) == value
    assert decode(encode(value)) == value


@given(GOOD)
def test_decode_agrees_with_the_parser_of_python(value: object) -> None:
    text = json.dumps(value)
    assert decode(text) == json.loads(text)
    assert decode(text.encode()) == json.loads(text)


@given(ANY)
def test_encode_refuses_or_writes_what_every_reader_reads(value: object) -> None:
    try:
        raw = encode(value)
    except (Invalid, TooLarge) as error:
        assert error.fields
    else:
        assert "\x00" not in json.dumps(json.loads(raw), ensure_ascii=False)
        decode(raw)


@given(ANY)
def test_cleaning_a_value_never_fails_and_gives_what_the_door_would_accept(value: object) -> None:
    raw, changed = clean_value(value)
    decode(raw)
    assert clean_value(decode(raw)) == (raw, False)
    if not changed:
        assert encode(value) == raw


@settings(max_examples=300)
@given(st.binary() | ANY_TEXT | st.text(alphabet='{}[]",:\\u0dD8e+-.019truefalsn \n'))
def test_decode_raises_nothing_but_our_errors(raw: bytes | str) -> None:
    try:
        value = decode(raw)
    except (Invalid, TooLarge) as error:
        assert error.fields
    else:
        assert value == json.loads(raw)


@given(st.binary() | ANY_TEXT, st.none() | st.integers(-1, 60))
def test_cleaned_text_is_always_storable_and_never_too_long(text: bytes | str, limit: int | None) -> None:
    clean = clean_text(text, max_bytes=limit)
    assert "\x00" not in clean
    assert limit is None or len(clean.encode()) <= max(limit, 0)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), "$"),
        ({"a": [1, float("inf")]}, "$.a[1]"),
        ({"a b": {"c": "x\x00"}}, '$["a b"].c'),
        ({"a": "\ud800"}, "$.a"),
        ({"a\x00": 1}, '$["a\\ufffd"]'),
        ({"\ud800": 1}, '$["\\ufffd"]'),
        ({"n": 10**40}, "$.n"),
        pytest.param({"n": -(10**5000)}, "$.n", id="more digits than Python prints"),
        ({1: "x"}, '$["1"]'),
        ({"a": {None: 1}}, "$.a.None"),
        ({UUID(int=1): 1}, '$["00000000-0000-0000-0000-000000000001"]'),
        ({Colour.RED: 1}, '$["Colour.RED"]'),
        (Order(float("nan"), ["a"]), "$.amount"),
        (Order(1.0, ["a", "\x00"]), "$.tags[1]"),
        (Point(float("nan")), "$.xAxis"),
        (Row(float("nan")), "$[0]"),
        ({"when": object()}, "$.when"),
        ({"m": Model()}, "$.m.score"),
        ({"u": msgspec.UNSET}, "$.u"),
        (msgspec.Raw(b'{"a": NaN}'), "$.a"),
        (Order, "$"),
    ],
)
def test_encode_names_the_path_of_what_it_refuses(value: object, path: str) -> None:
    assert list(problems(lambda: encode(value))) == [path]


def test_all_problems_are_named_at_once_under_the_name_of_the_input() -> None:
    found = problems(lambda: encode({"a": float("nan"), "b": ["\x00"]}, at="input"))
    assert list(found) == ["input.a", "input.b[0]"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\\u0000b", '"a\\\\u0000b"'),  # the text of an escape, not a NUL
        ({"a": None}, '{"a":null}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00Z"'),
        ({"d": date(2026, 1, 2), "t": timedelta(seconds=90)}, '{"d":"2026-01-02","t":"PT90S"}'),
        (Decimal("1.10"), '"1.10"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ([Colour.RED, Level.LOW], '["red","low"]'),
        ({Level.LOW: 1}, '{"low":1}'),
        (Point(1.5), '{"type":"Point","xAxis":1.5}'),
        (Point(1.5, "a\\u0000"), '{"type":"Point","xAxis":1.5,"note":"a\\\\u0000"}'),
        (Row(1.5), "[1.5]"),
        (Order(1.5, ["a"]), '{"amount":1.5,"tags":["a"]}'),
        ({"a": Text("x"), "n": Number(3)}, '{"a":"x","n":3}'),
        (Moment(2026, 1, 2), '"2026-01-02T00:00:00"'),
        (deque([1, 2]), "[1,2]"),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        (PurePosixPath("a/b"), '"a/b"'),
        (msgspec.Raw(b'{"a": 1}'), '{"a": 1}'),
        (10**40 - 1, "9" * 40),
    ],
)
def test_encode_writes_the_types_that_people_pass(value: object, written: str) -> None:
    assert encode(value).decode() == written


def test_sixty_four_levels_are_accepted_and_one_more_is_not() -> None:
    assert decode(encode(deep(64))) == deep(64)
    with pytest.raises(TooLarge, match="deeper than 64"):
        encode(deep(65))
    with pytest.raises(TooLarge, match="deeper than 64"):
        decode("[" * 65 + "]" * 65)


@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_absurd_depth_is_refused_and_does_not_overflow(levels: int) -> None:
    value = deep(levels)
    with pytest.raises(TooLarge):
        encode(value)
    with pytest.raises(TooLarge):
        decode("[" * levels + "]" * levels)
    raw, changed = clean_value(value)
    assert changed
    assert decode(raw)


def test_a_value_that_contains_itself_is_refused_and_cleaned() -> None:
    loop: list[object] = [1]
    loop += [loop, loop]
    assert problems(lambda: encode(loop)) == {"$[1]": "contains itself", "$[2]": "contains itself"}
    assert clean_value(loop) == ('[1,"…","…"]'.encode(), True)


def test_a_value_that_is_used_twice_is_no_loop() -> None:
    shared = {"a": Text("x")}
    assert encode([shared, [shared], shared]) == b'[{"a":"x"},[{"a":"x"}],{"a":"x"}]'


def test_ten_thousand_keys_are_accepted_and_one_more_is_not() -> None:
    keys: dict[str, object] = {str(i): {} for i in range(10_000)}
    assert decode(encode(keys)) == keys
    keys["more"] = {}
    with pytest.raises(TooLarge, match="more than 10000 keys"):
        encode(keys)
    with pytest.raises(TooLarge, match="more than 10000 keys"):
        decode(json.dumps(keys))
    raw, changed = clean_value(keys)
    assert changed
    assert decode(raw[: raw.index(b',"\xe2')] + b"}") == {str(i): {} for i in range(10_000)}


def test_size_is_counted_in_bytes_and_the_limit_is_kept() -> None:
    assert encode("é" * 4, max_bytes=10) == '"éééé"'.encode()
    with pytest.raises(TooLarge, match="is 10 bytes of JSON, more than 9"):
        encode("é" * 4, max_bytes=9)
    with pytest.raises(TooLarge, match="upload it as an asset"):
        decode('"' + "x" * jsonguard.MAX_BYTES + '"')


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ('{"a": {"b": 1, "b": 2}}', "$.a.b", "more than once"),
        ('{"a": 1, "\\u0061": 2}', "$.a", "more than once"),
        ('{"a": 1, "a": "\\u003a"}', "$.a", "more than once"),  # the escaped colon does not hide it
        ('{"t": "12:30", "a": 1, "a": 2}', "$.a", "more than once"),
        ('[{"a":{}},{"a":1,"a":1}]', "$[1].a", "more than once"),
        ("[NaN]", "$[0]", "NaN is not"),
        ("[1, -Infinity]", "$[1]", "-Infinity is not"),
        ("1e999", "$", "outside of"),
        ("[1e309]", "$[0]", "outside of"),
        ("1e-999", "$", "outside of"),
        ("0e-325", "$", "outside of"),
        ("0e309", "$", "outside of"),
        ("0e131071", "$", "outside of"),
        ("1" * 41, "$", "41 digits"),
        ("-" + "1" * 5001, "$", "5001 digits"),
        ("1" * 400 + ".0", "$", "outside of"),
        ('["\\u0000"]', "$[0]", "NUL"),
        ('{"\\u0000": 1}', '$["\\ufffd"]', "NUL"),
        ('"\\ud800"', "$", "surrogate"),
        ('["a", "\\udc00x"]', "$[1]", "surrogate"),
        ('{"\\ud800": 1}', '$["\\ufffd"]', "surrogate"),
        ('{"a": 1,}', "$", "byte 8, line 1, column 9"),
        ('{"é": 1,}', "$", "byte 9, line 1, column 9"),
        ("", "$", "byte 0"),
        ("1 2", "$", "byte 2"),
        ("\ufeff1", "$", "byte 0"),
        ("01", "$", "byte 1"),
        ('"a\x00"', "$", "byte 2"),
        ('"a\nb"', "$", "byte 2"),
        ("'a'", "$", "byte 0"),
    ],
)
def test_decode_says_where_and_what_is_wrong(text: str, path: str, what: str) -> None:
    found = problems(lambda: decode(text))
    assert list(found) == [path]
    assert what in found[path]


@pytest.mark.parametrize(("raw", "byte"), [(b'"\xff"', 1), (b'["ok", "\xed\xa0\x80"]', 8), (b'"\xc0\x80"', 1)])
def test_bytes_that_are_not_utf8_are_refused_with_their_place(raw: bytes, byte: int) -> None:
    assert problems(lambda: decode(raw)) == {"$": f"is not UTF-8 at byte {byte}"}


@pytest.mark.parametrize(
    "text",
    ['{"a": "\\u003a", "b": "x:y", "c": ["12:30"]}', '{"url": "http://x:1/y"}', '"\\ud83d\\ude00"', "1e0000000005",
     "1e308", "5e-324", "0E-00000324", "9" * 40, "-0", '"a\\\\u0000b"', ' {"a" : [ ] } ', '{"e5e100": "1e999"}'],
)  # fmt: skip
def test_good_text_that_looks_suspicious_is_accepted(text: str) -> None:
    assert decode(text) == json.loads(text)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": float("nan"), "b": 1}, '{"a":null,"b":1}'),
        (["x\x00y", "\ud800"], '["x�y","�"]'),
        ({1: "a", "1": "b"}, '{"1":"a","1~2":"b"}'),
        ({"a\x00": 1, "a\ud800": 2}, '{"a�":1,"a�~2":2}'),
        (10**40, f'"{10**40}"'),
        pytest.param(10**5000, '"[an integer of 16610 bits]"', id="more digits than Python prints"),
        ({"a": {1: Point(float("inf"))}}, '{"a":{"1":{"type":"Point","xAxis":null}}}'),
        (Model(), '{"mode":"json","score":null}'),
        (1 + 2j, '"(1+2j)"'),
        (Shy(), '"<Shy without a repr>"'),
        (range(3), '"range(0, 3)"'),
    ],
)
def test_poison_in_a_result_is_replaced_and_reported(value: object, written: str) -> None:
    assert clean_value(value) == (written.encode(), True)


@pytest.mark.parametrize("value", [{"a": [1, None, 2.5]}, Text("x"), Order(1.0, []), {"a": deque([1])}, b"x"])
def test_a_result_that_is_fine_is_not_reported(value: object) -> None:
    assert clean_value(value) == (encode(value), False)


def test_a_result_as_deep_as_the_limit_ends_in_a_mark() -> None:
    raw, changed = clean_value(deep(70))
    assert (raw, changed) == (b"[" * 64 + '"…"'.encode() + b"]" * 64, True)


def test_a_result_whose_own_code_raises_is_described() -> None:
    class Broken(dict[str, int]):
        def items(self) -> Any:
            raise OSError("gone")

    raw, changed = clean_value({"a": Broken(a=1)})
    assert changed
    assert decode(raw) == "{'a': {'a': 1}}"
    with pytest.raises(Invalid, match="cannot be read: OSError"):
        encode({"a": Broken(a=1), 1: 1})


def test_a_long_repr_is_cut() -> None:
    class Long:
        def __repr__(self) -> str:
            return "x" * 1_000_000

    assert len(clean_value(Long())[0]) < 2_100


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (b"ok\xff\x00", "ok\ufffd\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        ("\ud83d\ude00", "😀"),  # two halves that belong together
        ("a\ud800b\udc00", "a\ufffdb\ufffd"),
        ("plain", "plain"),
    ],
)
def test_text_is_cleaned(text: str | bytes, clean: str) -> None:
    assert clean_text(text) == clean


def test_long_text_is_cut_between_characters_with_a_mark_that_counts() -> None:
    text = "é" * 100
    clean = clean_text(text, max_bytes=51)
    kept, mark = clean.split("…")
    assert set(kept) == {"é"}
    assert mark == f"[cut {200 - len(kept.encode())} bytes]"
    assert 48 <= len(clean.encode()) <= 51


def test_a_cut_without_room_for_the_mark_is_only_a_cut() -> None:
    assert clean_text("é" * 100, max_bytes=5) == "éé"
    assert clean_text("abc", max_bytes=0) == ""
    assert clean_text("é" * 100, max_bytes=200) == "é" * 100


@pytest.mark.parametrize("name", ["default", "orders.sync", "Zürich 1", "日本語", "x" * 255, "é" * 127, "👨‍👩‍👧"])
def test_good_names_come_back_as_they_are(name: str) -> None:
    assert check_name(name, "queue") == name


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("", "must not be blank"),
        (" \t", "must not be blank"),
        ("x" * 256, "at most 255 bytes of UTF-8, not 256"),
        ("é" * 128, "at most 255 bytes of UTF-8, not 256"),
        ("a\x00b", "U+0000 at character 2"),
        ("a\nb", "control"),
        ("a\x85b", "control"),
        ("evil\u202egpj.exe", "U+202E"),
        ("a\u2028b", "control"),
        ("\ud800", "U+D800"),
        (5, "must be text, not int"),
    ],
)
def test_bad_names_are_refused_with_the_reason(name: Any, what: str) -> None:
    found = problems(lambda: check_name(name, "queue"))
    assert list(found) == ["queue"]
    assert what in found["queue"]


def test_not_a_number_hides_behind_no_null() -> None:
    """msgspec writes NaN as null, so a null beside it must not cover it."""
    assert list(problems(lambda: encode({"a": None, "b": math.nan}))) == ["$.b"]
