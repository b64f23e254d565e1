"""Signatures are those of the Standard Webhooks; whatever is changed on the way is found."""

from __future__ import annotations

import importlib
import re
import time
from pathlib import Path

import pytest

from jobtrail.core import signatures
from jobtrail.core.errors import Denied, Invalid

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""The example that the libraries of the Standard Webhooks share."""


def message(**changed: str) -> dict[str, str]:
    return {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNED, **changed}


def test_the_known_message_has_the_known_signature() -> None:
    assert signatures.sign([SECRET], ID, AT, BODY) == SIGNED
    assert signatures.headers([SECRET], ID, AT, BODY) == message()
    assert signatures.verify([SECRET], message(), BODY, AT) == ID


def test_names_of_headers_may_be_written_in_any_way() -> None:
    assert signatures.verify([SECRET], {name.title(): value for name, value in message().items()}, BODY, AT) == ID


def test_while_secrets_rotate_both_sign_and_either_is_enough() -> None:
    signed = signatures.headers([OTHER, SECRET], ID, AT, BODY)
    assert signed["webhook-signature"].split()[1] == SIGNED
    for known in ([SECRET], [OTHER], [OTHER, SECRET]):
        assert signatures.verify(known, signed, BODY, AT) == ID


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, BODY + b" "),
        ({}, b""),
        ({"webhook-id": "msg_other"}, BODY),
        ({"webhook-timestamp": str(AT + 1)}, BODY),
        ({"webhook-signature": signatures.sign([OTHER], ID, AT, BODY)}, BODY),
        ({"webhook-signature": SIGNED.replace("v1,", "v1a,")}, BODY),
        ({"webhook-signature": SIGNED.removeprefix("v1,")}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": "v1,é"}, BODY),
        ({"webhook-signature": SIGNED[:-2] + "F="}, BODY),
        ({"webhook-signature": "v1,x " * 16 + SIGNED}, BODY),
    ],
    ids=str,
)
def test_a_change_on_the_way_is_found(changed: dict[str, str], body: bytes) -> None:
    with pytest.raises(Denied, match="changed on the way"):
        signatures.verify([SECRET], message(**changed), body, AT)


@pytest.mark.parametrize("off", [-301, 301, 10_000_000])
def test_an_old_message_is_not_taken_again(off: int) -> None:
    with pytest.raises(Denied, match="replay"):
        signatures.verify([SECRET], message(), BODY, AT + off)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_clocks_may_differ_by_five_minutes(off: int) -> None:
    assert signatures.verify([SECRET], message(), BODY, AT + off) == ID


@pytest.mark.parametrize("missing", list(message()))
def test_a_message_without_a_signature_is_none(missing: str) -> None:
    with pytest.raises(Invalid, match=missing):
        signatures.verify([SECRET], message(**{missing: ""}), BODY, AT)


@pytest.mark.parametrize("stamp", ["now", "-1", "1614265330.5", "\uff11\uff16\uff11\uff14", "9" * 13, "1e9"])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    with pytest.raises(Invalid, match="timestamp"):
        signatures.verify([SECRET], message(**{"webhook-timestamp": stamp}), BODY, AT)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "secret",
        SECRET.removeprefix("whsec_"),
        "whsec_not base64",
        "whsec_c2hvcnQ=",
        f"{SECRET} ",
        "whsec_é",
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    for use in (signatures.check_secret, lambda one: signatures.sign([one], ID, AT, BODY)):
        with pytest.raises(Invalid) as refused:
            use(secret)
        assert len(secret) < 8 or secret not in str(refused.value)


def test_without_a_secret_nothing_is_right() -> None:
    with pytest.raises(Denied):
        signatures.verify([], message(), BODY, AT)


@pytest.mark.parametrize("count", [23, 65])
def test_a_secret_is_neither_short_nor_long(count: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        signatures.new_secret(bytes(count))


def test_a_new_secret_signs() -> None:
    secret = signatures.new_secret(bytes(range(32)))
    assert signatures.verify([secret], signatures.headers([secret], "m", 5, b"x"), b"x", 5) == "m"


def test_the_lines_of_the_how_to_verify_what_we_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/webhooks.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "shown_in_how_to.py").write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    verified = importlib.import_module("shown_in_how_to").verified
    now = int(time.time())
    signed = signatures.headers([OTHER, SECRET], ID, now, BODY)
    assert verified(SECRET, signed, BODY) == verified(OTHER, signed, BODY) == ID
    old = signatures.headers([SECRET], ID, now - 900, BODY)
    for headers, body in ((signed, BODY + b" "), (old, BODY), ({**signed, "webhook-id": "x"}, BODY)):
        with pytest.raises(ValueError, match="not signed by us"):
            verified(SECRET, headers, body)
