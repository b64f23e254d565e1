"""A form with one file is read as it comes, wherever the network cuts it, and what is no such form is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Served

from jobtrail.core.errors import JobtrailError, Malformed, TooLarge
from jobtrail.web.uploads import Form

ASSETS = "/api/v1/assets"
FIELD = b'--B\r\nContent-Disposition: form-data; name="token"\r\n\r\nsecret\r\n'
FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n%s\r\n'
END = b"--B--\r\n"


def read(body: bytes, size: int = 1 << 16) -> tuple[str | None, str | None, bytes]:
    """The name, type and bytes of a form's file; the form comes in pieces of `size` bytes."""

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), size):
            yield body[at : at + size]

    async def whole() -> tuple[str | None, str | None, bytes]:
        form = Form(pieces(), b"B")
        name, kind = await form.begin()
        return name, kind, b"".join([chunk async for chunk in form.content()])

    return asyncio.run(whole())


CONTENTS = [
    b"",
    b"x",
    b"\r\n",
    b"\r\n--",
    b"--B",
    b"\r\n--A\r\n--",
    b"\r\n\r\n--C\r",
    b"\r" * 9,
    b"-" * 9,
    bytes(range(256)) * 9,
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
def test_the_file_of_a_form_is_the_same_however_it_is_cut(content: bytes, size: int) -> None:
    for body in (
        FILE % content + END,
        FIELD + FILE % content + FIELD + END,
        b"",
        b"preamble\r\n" + FILE % content + END,
    ):
        if body:
            assert read(body, size) == ("a.txt", "text/plain", content)


@given(
    st.binary(max_size=300).filter(lambda content: b"\r\n--B" not in b"\r\n" + content + b"\r\n"), st.integers(1, 50)
)
def test_any_content_comes_out_as_it_went_in(content: bytes, size: int) -> None:
    assert read(FIELD + FILE % content + END, size)[2] == content


@given(st.binary(max_size=200), st.integers(1, 50))
def test_nonsense_is_refused_with_an_error_of_ours(noise: bytes, size: int) -> None:
    for body in (
        noise,
        b"--B\r\n" + noise,
        FILE % b"x" + b"--B" + noise,
        b"--B\r\nContent-Disposition: " + noise + END,
    ):
        try:
            read(body, size)
        except JobtrailError:
            continue


@pytest.mark.parametrize(("body", "error"), [
    (b"", Malformed),
    (END, Malformed),
    (FIELD + END, Malformed),
    (FILE % b"x", Malformed),
    ((FILE % b"x")[:-4], Malformed),
    (FILE % b"x" + FILE % b"y" + END, Malformed),
    (b"--B\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", Malformed),
    (b"--Bx\r\n\r\n", Malformed),
    (b'--B\r\nContent-Disposition: form-data; filename="\xff"\r\n\r\nx\r\n' + END, Malformed),
    (b"--B\r\n\r\n" + b"x" * 100_000 + b"\r\n" + END, TooLarge),
    (FIELD * 2_000 + FILE % b"x" + END, TooLarge),
    (FILE % b"x" + FIELD * 2_000 + END, TooLarge),
])  # fmt: skip
def test_what_is_no_form_with_one_file_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(body, 100)


@pytest.mark.parametrize("name", ["a.txt", "straße.pdf", 'a"b.txt', "a b;c.txt", "文書.pdf"])
def test_a_browsers_form_works(http: httpx2.Client, name: str) -> None:
    content = bytes(range(256)) * 2_000
    made = http.post(
        ASSETS, params={"role": "source"}, data={"csrf": "x"}, files={"file": (name, content, "image/png")}
    )
    assert made.status_code == 201, made.text
    asset = made.json()
    assert (asset["name"], asset["media_type"], asset["byte_size"], asset["role"]) == (
        name.replace('"', "%22"), "image/png", len(content), "source",
    )  # fmt: skip
    assert http.get(f"{made.headers['location']}/content").content == content


def test_of_a_form_that_is_wrong_nothing_is_kept(http: httpx2.Client, web: Served) -> None:
    two = [("file", ("a", b"x")), ("file", ("b", b"y"))]
    cut = (FILE % b"x").replace(b"--B", b"--cut")
    for answer in (
        http.post(ASSETS, files=two),
        http.post(ASSETS, content=cut, headers={"Content-Type": "multipart/form-data; boundary=cut"}),
        http.post(ASSETS, content=cut, headers={"Content-Type": "multipart/form-data"}),
        http.post(ASSETS, content=cut, headers={"Content-Type": "multipart/form-data; boundary=" + "x" * 99}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
    digest = {"Content-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}
    assert http.post(ASSETS, files=two[:1], headers=digest).status_code == 422
    assert [path for path in web.server.web.runtime.config.assets.rglob("*") if path.is_file()] == []
