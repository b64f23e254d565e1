"""Secrets stay out of what is shown and stored."""

from __future__ import annotations

import base64
import copy
import dataclasses
import html
import json
import pickle
import random
import re
import string
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.errors import Invalid
from jobtrail.core.redact import MASK, Redactor, Secret, parse_reference

KEY = 's3cr3t/pä$$ wörd&+"quoted"'
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url": lambda v: quote(v, safe=""),
    "url path": quote,
    "url form": quote_plus,
    "url lower case": lambda v: re.sub("%..", lambda pair: pair[0].lower(), quote(v)),
    "url in browsers": lambda v: quote(v, safe="!~*'()"),
    "json in go": lambda v: json.dumps(v, ensure_ascii=False)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c"),
    "json": lambda v: json.dumps(v)[1:-1],
    "json unicode": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "json in json": lambda v: json.dumps(json.dumps(v)[1:-1])[1:-1],
    "repr": lambda v: repr(v)[1:-1],
    "html": html.escape,
    "hex": lambda v: v.encode().hex(),
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 for urls": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
}
CANARIES = [
    "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "-_/+=&%$#!~ \"'äß€", k=8 + seed % 40))
    for seed in range(40)
]


def streamed(redactor: Redactor, chunks: list[bytes]) -> bytes:
    return b"".join([redactor.feed(chunk) for chunk in chunks] + [redactor.flush()])


def shapes(value: str) -> list[str]:
    """Each piece of the secret that would give it away."""
    return [value[i : i + 6] for i in range(len(value) - 5)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_found_in_every_encoding(encoding: str) -> None:
    redactor = Redactor([KEY])
    assert redactor.text(f"before {ENCODINGS[encoding](KEY)} behind") == f"before {MASK} behind"


@pytest.mark.parametrize("before", ["", "u", "us", "usr"])
@pytest.mark.parametrize("behind", ["", "x", "xy", "xyz"])
def test_a_secret_is_found_in_base64_whatever_stands_around_it(before: str, behind: str) -> None:
    secret = "correct-horse-battery"
    coded = base64.b64encode((before + secret + behind).encode()).decode()
    clean = Redactor([secret]).text(coded)
    assert MASK in clean
    assert (
        len(clean.replace(MASK, "")) <= len(before + behind) * 4 / 3 + 6
    )  # at the edges, what is not only the secret's


@pytest.mark.parametrize("canary", CANARIES)
def test_canaries_do_not_survive_any_encoding_at_any_split(canary: str) -> None:
    redactor = Redactor(CANARIES)
    for encode in ENCODINGS.values():
        coded = encode(canary)
        raw = f"line one\nvalue: {coded} end\nlast".encode()
        for cut in range(1, len(raw), 7):
            clean = streamed(redactor, [raw[:cut], raw[cut:]]).decode()
            assert coded not in clean
            assert MASK in clean
        assert redactor.text(f"<{coded}>") == f"<{MASK}>"


@given(st.data())
def test_a_stream_gives_the_same_as_the_whole_text(data: st.DataObject) -> None:
    """Secrets that overlap, begin alike, repeat themselves and span lines; any text of their letters; any cuts."""
    redactor = Redactor(["abab", "ababcc", "bcca", "ca\nab", "ab\ncc", "cc\r\ncc\nab"])
    text = data.draw(st.text(alphabet="abc\n\r", max_size=40))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    chunks = [text[a:b].encode() for a, b in pairwise([0, *cuts, len(text)])]
    assert streamed(redactor, chunks).decode() == redactor.text(text)


def test_a_secret_that_begins_inside_of_another_does_not_split_it() -> None:
    redactor = Redactor(["ca\nab", "ab\ncc"])
    raw = b"xca\nab\ncc\n"
    for cut in range(len(raw)):
        assert streamed(redactor, [raw[:cut], raw[cut:]]).decode() == f"x{MASK}\ncc\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 1_000])
def test_a_secret_of_several_lines_is_held_until_it_is_complete(size: int) -> None:
    secret = "first line of it\nsecond line of it\nend"
    raw = f"a\n{secret}\nb\n".encode()
    chunks = [raw[i : i + size] for i in range(0, len(raw), size)]
    assert streamed(Redactor([secret]), chunks).decode() == f"a\n{MASK}\nb\n"


def test_the_lines_of_a_secret_are_secrets_too() -> None:
    redactor = Redactor(["first line of it\n  second line of it\nend"])
    assert redactor.text("[first line of it]\r\n[second line of it]\n[end]") == f"[{MASK}]\r\n[{MASK}]\n[end]"


def test_whole_lines_are_given_back_at_once_and_the_open_line_is_held() -> None:
    redactor = Redactor(["hunter2-hunter2"])
    assert redactor.feed(b"one\ntwo") == b"one\n"
    assert redactor.feed(b" and\rthree\n") == b"two and\rthree\n"
    assert redactor.feed(b"Password: hunter2-") == b""
    assert redactor.flush() == "Password: •••".encode()
    assert redactor.flush() == b""


def test_a_line_without_end_is_let_go_without_its_secrets() -> None:
    redactor = Redactor(["hunter2-hunter2"])
    piece = b"x" * 997 + b"hunter2-hunter2" + b"Bearer abcdef1234567890 "
    out, most = b"", 0
    for _ in range(300):
        for part in (piece[:1_003], piece[1_003:]):
            out += redactor.feed(part)
        most = max(most, len(redactor._held))
    assert most < 80_000
    assert len(out) > 200_000
    out += redactor.flush()
    assert out == ("x" * 997 + "•••" + "Bearer ••• ").encode() * 300


@pytest.mark.parametrize("shift", range(0, 40, 3))
def test_a_pattern_across_the_place_where_a_long_line_is_let_go_is_hidden(shift: int) -> None:
    text = b"x" * (2_000 - shift) + b" password=hunter2-hunter2-hunter2 " + b"y" * 100_000
    cut = len(text) - 100_000 + 8_192 - 20  # the line is let go up to 8192 bytes before its end, in the password
    redactor = Redactor([])
    out = redactor.feed(b"z" * 70_000 + text[:cut]) + redactor.feed(text[cut:]) + redactor.flush()
    assert b"hunter2" not in out
    assert out.count(MASK.encode()) == 1


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    raw = bytes(range(256)) * 3 + b"\n"
    redactor = Redactor(["hunter2-hunter2"])
    assert streamed(redactor, [raw[:100], raw[100:]]) == raw


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-ant-api03-abcdefghij0123456789 ok", "key ••• ok"),
        ("sk_live_abcdefghij0123456789", "•••"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "•••"),
        ("github_pat_11ABCDEFG0abcdefghij", "•••"),
        ("id=AKIAIOSFODNN7EXAMPLE;", "id=•••;"),
        ("xoxb-123456789012-abcdef", "•••"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer •••"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic •••"),
        ('{"Authorization": "Token abcdef12"}', '{"Authorization": "Token •••"}'),
        ("a bearer abcdefgh1 b", "a bearer ••• b"),
        ("password=hunter2&x=1", "password=•••&x=1"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=••• psql"),
        ('{"password": "hun ter\'2", "n": 1}', '{"password": "•••", "n": 1}'),
        ('{\\"api_key\\": \\"hunter2\\", \\"n\\": 1}', '{\\"api_key\\": \\"•••\\", \\"n\\": 1}'),
        ("AWS_SECRET_ACCESS_KEY=abc/def+ghi x", "AWS_SECRET_ACCESS_KEY=••• x"),
        ("GITHUB_TOKEN: abcdef", "GITHUB_TOKEN: •••"),
        ("postgresql://user:pass@host/db", "postgresql://user:•••@host/db"),
        ("redis://:pass@host", "redis://:•••@host"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLi4u", "•••"),
        ("jt_4f2a9c_abcdefghij0123456789", "jt_4f2a9c_•••"),
    ],
)
def test_well_known_secrets_are_found_though_nobody_registered_them(text: str, clean: str) -> None:
    redactor = Redactor([])
    assert redactor.text(text) == clean
    for cut in range(len(text)):
        assert streamed(redactor, [text[:cut].encode(), text[cut:].encode()]).decode() == clean


@pytest.mark.parametrize(
    "text",
    ["", "plain text", "max_tokens: 4096, tokens_input=5, token=3", "the bearer authentication scheme", "ask-me", "risk-free",
     "https://host:8080/path@v2", "git@github.com:a/b", "password", "Password: ", "task-0123456789abcdef", "keyboard = 3",
     "secretary: none", "AKIASHORT", "•••"],
)  # fmt: skip
def test_plain_text_comes_back_as_the_same_object(text: str) -> None:
    assert Redactor([]).text(text) is text
    assert Redactor(["hunter2-hunter2"]).text(text) is text


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_a_private_key_is_hidden_whole_or_streamed(size: int) -> None:
    body = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2 for _ in range(20))
    text = f"a\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nb\n"
    raw = text.encode()
    redactor = Redactor([])
    assert redactor.text(text) == f"a\n{MASK}\nb\n"
    chunks = [raw[i : i + size] for i in range(0, len(raw), size)]
    assert streamed(redactor, chunks).decode() == f"a\n{MASK}\nb\n"


def test_a_private_key_that_was_cut_off_is_hidden_to_the_end() -> None:
    assert Redactor([]).text("x -----BEGIN PRIVATE KEY-----\nMIIE\nabc") == f"x {MASK}"


@given(st.text(st.characters()) | st.text(alphabet="pasword=:\"'\\ sk-abearer0://@-BEGINPRVTKY"))
def test_redaction_fails_on_no_text(text: str) -> None:
    redactor = Redactor([KEY])
    assert isinstance(redactor.text(text), str)
    redactor.feed(text.encode("utf-8", "surrogatepass"))
    redactor.flush()


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----", "://a:", "password=", "bearer a", "eyJaaaaaaaa.", "sk-", 'password="']
)
def test_text_made_to_be_slow_is_linear(text: str) -> None:
    """With a matcher that goes back and forth, each of these would keep the test from ending."""
    redactor = Redactor([])
    assert redactor.text(text * (200_000 // len(text))) is not None


@pytest.mark.parametrize("value", ["", "abc", "äöü"])
def test_a_short_secret_is_refused(value: str) -> None:
    with pytest.raises(Invalid, match="at least 4 characters"):
        Redactor(["long enough", value])


def test_four_characters_are_enough_and_the_longest_secret_wins() -> None:
    redactor = Redactor(["abcd", "abcdefgh", "abcdxy"])
    assert redactor.text("abcd abcdefgh abcdefg abcdxy") == f"{MASK} {MASK} {MASK}efg {MASK}"


def test_a_secret_with_signs_of_a_pattern_is_taken_by_the_letter() -> None:
    assert Redactor(["a.c*[x]("]).text("abc*[x]( a.c*[x](") == f"abc*[x]( {MASK}"


def test_a_thousand_secrets_are_found() -> None:
    values = [f"{n:x}-" + "".join(random.Random(n).choices(string.ascii_letters, k=24)) for n in range(1_000)]
    redactor = Redactor(values)
    assert all(redactor.text(value) == MASK for value in values)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2-hunter2")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>30}",
        f"{secret:>30}",
        repr([secret]),
        str({"a": secret}),
    ]
    assert not [text for text in shown if "hunter2" in text]
    assert secret.reveal() == "hunter2-hunter2"
    assert not hasattr(secret, "__dict__")


def test_a_secret_cannot_leave_the_process_by_accident() -> None:
    secret = Secret("hunter2-hunter2")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)


def test_secrets_compare_by_value_and_with_nothing_else() -> None:
    assert Secret("hunter2") == Secret("hunter2")
    assert hash(Secret("hunter2")) == hash(Secret("hunter2"))
    assert Secret("hunter2") != Secret("hunter3")
    assert Secret("ä\ud800") == Secret("ä\ud800")
    assert Secret("hunter2") != "hunter2"
    with pytest.raises(Invalid):
        Secret(5)  # type: ignore[arg-type]


def test_a_secret_may_be_copied_inside_of_the_process() -> None:
    @dataclasses.dataclass
    class Login:
        key: Secret

    login = Login(Secret("hunter2"))
    assert copy.copy(login.key) == copy.deepcopy(login).key == dataclasses.asdict(login)["key"] == Secret("hunter2")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("$env:API_KEY", "API_KEY"),
        ({"env": "API_KEY"}, "API_KEY"),
        ("$env:_x1", "_x1"),
        ("plain", None),
        ("$ENV:X", None),
        (" $env:X", None),
        ({"env": "X", "other": 1}, None),
        ({"env": {"A": "b"}}, None),
        ({"environment": "X"}, None),
        ({}, None),
        (None, None),
        (5, None),
        (["$env:X"], None),
    ],
)
def test_references_are_told_from_values(value: object, name: str | None) -> None:
    assert parse_reference(value) == name


@pytest.mark.parametrize("value", ["$env:", "$env:1X", "$env:A-B", "$env:A B", "$env:A\n", {"env": "a=b"}, {"env": ""}])
def test_a_reference_to_no_possible_variable_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="is not the name of an environment variable"):
        parse_reference(value)
