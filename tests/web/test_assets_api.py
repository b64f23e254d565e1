"""Files over HTTP: what is uploaded is there to the byte, what is cut off or wrong is not, and no browser runs any of it."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import socket
import struct
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest
from database import Connection, Database
from scene import WORKSPACE, Scene
from serving import Served, served
from worker.at_work import wait_until

from jobtrail.core.scopes import ApiScope
from jobtrail.service import administration, assets, audit
from jobtrail.web import uploads

ASSETS = "/api/v1/assets"


def upload(client: httpx2.Client, content: bytes = b"0123456789", headers: dict[str, str] | None = None,
           **query: Any) -> httpx2.Response:  # fmt: skip
    return client.post(ASSETS, params={"name": "a.bin", **query}, content=content, headers=headers or {})


def kept(client: httpx2.Client, content: bytes = b"0123456789", **query: Any) -> str:
    """Where the content of a file is, that was uploaded."""
    made = upload(client, content, **query)
    assert made.status_code == 201, made.text
    return f"{made.headers['location']}/content"


def stored(web: Served) -> list[Path]:
    """What lies in the storage, half-written files included."""
    return [path for path in web.server.web.runtime.config.assets.rglob("*") if path.is_file()]


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_what_is_uploaded_is_there_to_the_byte(http: httpx2.Client) -> None:
    content = bytes(range(256)) * 9_000
    made = upload(http, content, name="render.mp4", role="source")
    asset = made.json()
    assert (made.status_code, made.headers["location"]) == (201, f"{ASSETS}/{asset['id']}")
    sha256 = hashlib.sha256(content).hexdigest()
    assert (asset["name"], asset["role"], asset["media_type"], asset["byte_size"], asset["sha256"], asset["job_id"]) == (
        "render.mp4", "source", "video/mp4", len(content), sha256, None,
    )  # fmt: skip
    assert asset["created_by"].startswith("api_key:")
    assert http.get(f"{ASSETS}/{asset['id']}").json() == asset
    found = http.get(f"{ASSETS}/{asset['id']}/content")
    assert (found.status_code, found.content) == (200, content)
    assert found.headers["etag"] == f'"{sha256}"'
    assert found.headers["content-digest"] == found.headers["repr-digest"] == digest(content)
    looked = http.head(f"{ASSETS}/{asset['id']}/content")
    assert (looked.status_code, looked.content) == (200, b"")
    assert looked.headers["content-length"] == found.headers["content-length"] == str(len(content))


def test_an_empty_file_is_a_file(http: httpx2.Client) -> None:
    place = kept(http, b"")
    found = http.get(place)
    assert (found.status_code, found.content, found.headers["content-length"]) == (200, b"", "0")
    assert http.get(place, headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize(("said", "name", "asked", "becomes"), [
    ("image/png", "a.bin", None, "image/png"),
    ("Text/HTML; charset=utf-8", "a.bin", None, "text/html"),
    ("application/octet-stream", "a.pdf", None, "application/pdf"),
    ("application/x-www-form-urlencoded", "a.pdf", None, "application/pdf"),
    ("nonsense", "a.bin", None, "application/octet-stream"),
    ("image/png", "a.pdf", "audio/ogg", "audio/ogg"),
    ("image/png", "a.pdf", "application/octet-stream", "application/octet-stream"),
])  # fmt: skip
def test_the_media_type_is_what_was_asked_for_or_said_or_what_the_name_suggests(
    http: httpx2.Client, said: str, name: str, asked: str | None, becomes: str
) -> None:
    query: dict[str, Any] = {} if asked is None else {"media_type": asked}
    assert upload(http, headers={"Content-Type": said}, name=name, **query).json()["media_type"] == becomes


def test_a_file_of_a_job_stands_in_its_trail(http: httpx2.Client, scene: Scene) -> None:
    job = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    asset = upload(http, job_id=job).json()
    assert asset["job_id"] == job
    assert [one["id"] for one in http.get(f"/api/v1/jobs/{job}/assets").json()["items"]] == [asset["id"]]
    (_, event) = scene.events(UUID(job))
    assert (event.type, event.actor_type, event.payload["sha256"]) == ("artifact.created", "api_key", asset["sha256"])
    assert scene.do(audit.verify()).ok
    assert [one.job_id for one in scene.claim(9, types=["a"])] == [UUID(job)], "it waits in its queue as before, once"


def test_a_job_that_has_ended_takes_no_more_files(http: httpx2.Client, web: Served) -> None:
    job = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    http.post(f"/api/v1/jobs/{job}/cancel", json={})
    refused = upload(http, job_id=job)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert upload(http, job_id=str(uuid4())).status_code == 404
    assert upload(http, task_id=str(uuid4())).status_code == 404
    assert stored(web) == []


def test_a_file_of_a_task_is_found_by_it(http: httpx2.Client, admin: Connection) -> None:
    row = admin.execute("insert into jobtrail.tasks (workspace_id, id, title) values (%s, gen_random_uuid(), 't') "
                        "returning id", (WORKSPACE,)).fetchone()  # fmt: skip
    assert row is not None
    mine = upload(http, task_id=str(row[0])).json()
    upload(http)
    assert http.get(ASSETS, params={"task_id": str(row[0])}).json()["items"] == [mine]
    assert mine["source_task_id"] == str(row[0])


RANGES: dict[str, tuple[int, bytes, str | None]] = {
    "bytes=0-0": (206, b"0", "bytes 0-0/10"),
    "bytes=2-4": (206, b"234", "bytes 2-4/10"),
    "bytes=5-": (206, b"56789", "bytes 5-9/10"),
    "bytes=-3": (206, b"789", "bytes 7-9/10"),
    "bytes=-99": (206, b"0123456789", "bytes 0-9/10"),
    "bytes=8-99": (206, b"89", "bytes 8-9/10"),
    "bytes=0-9999999999999999999": (206, b"0123456789", "bytes 0-9/10"),
    "BYTES = 1-2": (200, b"0123456789", None),
    "Bytes=1-2": (206, b"12", "bytes 1-2/10"),
    "bytes= 1-2 ,": (206, b"12", "bytes 1-2/10"),
    "bytes=0-2,2-4": (206, b"01234", "bytes 0-4/10"),
    "bytes=0-2,3-4": (206, b"01234", "bytes 0-4/10"),
    "bytes=4-5,99-": (206, b"45", "bytes 4-5/10"),
    "bytes=10-": (416, b"", "bytes */10"),
    "bytes=99-100": (416, b"", "bytes */10"),
    "bytes=-0": (416, b"", "bytes */10"),
    "bytes=4-2": (200, b"0123456789", None),
    "bytes=-": (200, b"0123456789", None),
    "bytes=": (200, b"0123456789", None),
    "bytes=,,": (200, b"0123456789", None),
    "bytes=a-b": (200, b"0123456789", None),
    "bytes=1": (200, b"0123456789", None),
    "bytes=1-2-3": (200, b"0123456789", None),
    "bytes=--3": (200, b"0123456789", None),
    "bytes=+1-2": (200, b"0123456789", None),
    "bytes=0x1-2": (200, b"0123456789", None),
    "lines=1-2": (200, b"0123456789", None),
    "bytes=99999999999999999999999-": (200, b"0123456789", None),
    "bytes=0-0,2-2,4-4,6-6,8-8,9-9": (200, b"0123456789", None),
    "bytes=" + ",".join(f"{n}-{n}" for n in range(2_000)): (200, b"0123456789", None),
}


def test_a_range_is_answered_or_ignored_but_never_wrong(http: httpx2.Client) -> None:
    place = kept(http)
    for asked, (status, content, where) in RANGES.items():
        found = http.get(place, headers={"Range": asked})
        assert (found.status_code, found.headers.get("content-range")) == (status, where), asked
        if status == 416:
            assert found.json()["code"] == "range_not_satisfiable"
        else:
            assert (found.content, found.headers["content-length"]) == (content, str(len(content))), asked
            assert http.head(place, headers={"Range": asked}).headers["content-length"] == str(len(content))


def test_several_ranges_come_as_parts(http: httpx2.Client) -> None:
    content = bytes(range(256)) * 4_000
    found = http.get(kept(http, content), headers={"Range": "bytes=900000-900009, 0-299999, -7"})
    assert (found.status_code, found.headers["content-length"]) == (206, str(len(found.content)))
    message = message_from_bytes(
        b"Content-Type: " + found.headers["content-type"].encode() + b"\r\n\r\n" + found.content
    )
    parts = [
        (part["content-range"], part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()
    ]
    assert parts == [
        ("bytes 0-299999/1024000", content[:300_000]),
        ("bytes 900000-900009/1024000", content[900_000:900_010]),
        ("bytes 1023993-1023999/1024000", content[-7:]),
    ]


def test_what_is_known_is_not_sent_again(http: httpx2.Client) -> None:
    place = kept(http)
    etag = http.get(place).headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        found = http.get(place, headers={"If-None-Match": known, "Range": "bytes=0-1"})
        assert (found.status_code, found.content, found.headers["etag"]) == (304, b"", etag), known
    for other in ('"x"', etag.strip('"'), "", '"x", "y"'):
        assert http.get(place, headers={"If-None-Match": other}).status_code == 200, other
    for condition, status in ((etag, 206), (f"W/{etag}", 200), ('"x"', 200), ("Sat, 01 Jan 2026 00:00:00 GMT", 200)):
        assert http.get(place, headers={"If-Range": condition, "Range": "bytes=0-1"}).status_code == status, condition


def test_a_digest_that_does_not_fit_keeps_nothing(http: httpx2.Client, web: Served) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    for headers in (
        {"Content-Digest": digest(b"other")},
        {"X-Content-SHA256": other},
        {"Content-Digest": digest(b"0123456789"), "X-Content-SHA256": other},
        {"Content-Digest": "sha-256=:AAAA:"},
        {"Content-Digest": "sha-256=0123"},
        {"Content-Digest": "sha-512=:AAAA:"},
        {"X-Content-SHA256": "x" * 64},
    ):
        assert upload(http, headers=headers).status_code == 422, headers
    assert stored(web) == []
    for headers in (
        {"Content-Digest": digest(b"0123456789")},
        {"Content-Digest": f"sha-512=:AAAA:, {digest(b'0123456789')}"},
        {"X-Content-SHA256": hashlib.sha256(b"0123456789").hexdigest().upper()},
    ):
        assert upload(http, headers=headers).status_code == 201, headers


@pytest.fixture
def tight(database: Database, tmp_path: Path) -> Iterator[Served]:
    """A service that takes files of up to 100 000 bytes."""
    with served(database, tmp_path, uploaded_asset_max_bytes=100_000) as running:
        yield running


def test_a_file_over_the_limit_is_refused_however_it_comes(tight: Served) -> None:
    http = tight.client()
    for size in (100_000, 100_001, 5_000_000):
        content = b"x" * size
        pieces = [content[at : at + 7_777] for at in range(0, size, 7_777)]
        answers = [
            upload(http, content),
            http.post(ASSETS, content=iter(pieces)),
            http.post(ASSETS, files={"file": ("a.bin", content)}),
        ]
        assert {answer.status_code for answer in answers} == {201 if size == 100_000 else 413}
    assert len(stored(tight)) == 1


def speak(web: Served, key: str, body: bytes, **headers: str) -> socket.socket:
    """A connection on which the beginning of an upload was sent."""
    address = urlsplit(web.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    lines = {
        "Host": "localhost",
        "Authorization": f"Bearer {key}",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    head = f"POST {ASSETS}?name=cut.bin HTTP/1.1\r\n" + "".join(f"{name}: {said}\r\n" for name, said in lines.items())
    connection.sendall(head.encode() + b"\r\n" + body)
    return connection


def test_what_says_that_it_is_too_large_is_refused_before_it_comes(tight: Served) -> None:
    with speak(tight, tight.key(), b"", Content_Length="100001", Expect="100-continue") as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 413 ")


def test_what_becomes_too_large_is_refused_before_its_end(tight: Served) -> None:
    with speak(tight, tight.key(), b"30d40\r\n" + b"x" * 200_000, Transfer_Encoding="chunked") as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("framing", [{"Content_Length": "5000000"}, {"Transfer_Encoding": "chunked"}])
def test_of_an_upload_that_is_cut_off_nothing_is_kept(
    web: Served, http: httpx2.Client, framing: dict[str, str]
) -> None:
    body = b"x" * 3_000_000
    with speak(
        web, web.key(), b"3d0900\r\n" + body if "Transfer_Encoding" in framing else body, **framing
    ) as connection:
        wait_until(lambda: any(path.stat().st_size for path in stored(web)), "the upload begins")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: stored(web) == [], "the file is removed")
    assert http.get(ASSETS).json() == {"items": [], "next_cursor": None}


def test_a_body_that_stops_coming_is_given_up(web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.05)
    with speak(web, web.key(), b"some", Content_Length="1000") as connection:
        answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"nothing was kept" in answer
    assert stored(web) == []


def test_a_full_disk_is_told_and_leaves_nothing(
    web: Served, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = upload(http)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert stored(web) == []


def test_who_leaves_in_the_middle_of_a_file_is_not_read_to_any_more(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    real = os.pread

    def counted(handle: int, size: int, at: int) -> bytes:
        reads.append(size)
        return real(handle, size, at)

    with served(database, tmp_path, uploaded_asset_max_bytes=100 << 20) as web:
        http = web.client()
        place = kept(http, bytes(64 << 20))  # more than all that lies between the disk and the reader
        (path,) = stored(web)
        monkeypatch.setattr(os, "pread", counted)
        with http.stream("GET", place) as answer:
            coming = answer.iter_raw(1_000)  # whoever forgets it hangs up
            next(coming)
            assert is_open(path)
        wait_until(lambda: not is_open(path), "the file is closed")
        assert 0 < sum(reads) < 48 << 20


def is_open(path: Path) -> bool:
    """Whether this process, in which the server is a thread, holds a file open."""
    return any(Path(os.path.realpath(handle)) == path.resolve() for handle in Path("/proc/self/fd").iterdir())


def test_equal_bytes_lie_there_once_and_belong_to_each_workspace_alone(web: Served, http: httpx2.Client) -> None:
    other = web.client(web.key(workspace=web.workspace("other")))
    mine, theirs = kept(http), kept(other)
    assert len(stored(web)) == 1
    etag = http.get(mine).headers["etag"]
    for method, place, headers in (
        ("GET", mine, {}),
        ("HEAD", mine, {}),
        ("GET", mine, {"If-None-Match": etag}),
        ("GET", mine, {"If-None-Match": "*"}),
        ("GET", mine, {"Range": "bytes=0-1", "If-Range": etag}),
        ("GET", mine, {"Range": "bytes=99-"}),
        ("GET", mine.removesuffix("/content"), {}),
        ("DELETE", mine.removesuffix("/content"), {}),
    ):
        known = other.request(method, place, headers=headers)
        nowhere = other.request(method, re.sub("[0-9a-f-]{36}", str(uuid4()), place), headers=headers)
        assert known.status_code == nowhere.status_code == 404, (method, headers)
        assert unnamed(known) == unnamed(nowhere), (method, headers)
    job = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    assert upload(other, job_id=job).status_code == other.get(f"/api/v1/jobs/{job}/assets").status_code == 404
    assert [one["id"] for one in other.get(ASSETS).json()["items"]] == [theirs.split("/")[-2]]
    assert other.get(ASSETS, params={"job_id": job}).json()["items"] == []
    assert http.get(mine).status_code == 200


def unnamed(answer: httpx2.Response) -> tuple[str, list[str]]:
    """An answer without the ids in it, and the names of its headers."""
    return re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "", answer.text), sorted(answer.headers)


def test_a_list_finds_by_each_filter_and_goes_on_where_it_ended(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    made = [
        upload(http, name=f"{n % 3}.txt", role="odd" if n % 2 else "even", **({"job_id": job} if n % 5 else {})).json()
        for n in range(20)
    ][::-1]
    filters: list[dict[str, str]] = [
        {}, {"role": "odd"}, {"name": "1.txt"}, {"job_id": job}, {"job_id": job, "role": "odd", "name": "2.txt"},
        {"name": "0.txt", "role": "even"}, {"role": "none"},
    ]  # fmt: skip
    for looked_through in (10_000, 4):
        monkeypatch.setattr(assets, "LOOKED_THROUGH", looked_through)
        for wanted in filters:
            seen, cursor = [], None
            while True:
                query: dict[str, Any] = {"limit": 3, **wanted, **({"cursor": cursor} if cursor else {})}
                page = http.get(ASSETS, params=query).json()
                assert len(page["items"]) <= 3
                seen += page["items"]
                if (cursor := page["next_cursor"]) is None:
                    break
            assert seen == [one for one in made if wanted.items() <= one.items()], (looked_through, wanted)
    assert http.get(ASSETS, params={"cursor": "bm9uc2Vuc2U"}).status_code == 422


def test_only_what_no_job_holds_can_be_removed(
    http: httpx2.Client, scene: Scene, conn: Connection, web: Served
) -> None:
    free = upload(http, name="draft.txt").json()
    assert http.delete(f"{ASSETS}/{free['id']}").status_code == 204
    for method in ("GET", "DELETE"):
        assert http.request(method, f"{ASSETS}/{free['id']}").status_code == 404
    (told, *_) = scene.do(administration.listed(scene.workspace))
    assert (told.type, told.subject_id, told.payload["name"]) == ("asset.removed", free["id"], "draft.txt")
    job = http.post("/api/v1/jobs", json={"type": "a"}).json()["id"]
    held = upload(http, job_id=job).json()
    refused = http.delete(f"{ASSETS}/{held['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert conn.execute("delete from jobtrail.assets where id = %s", (held["id"],)).rowcount == 0, "whoever asks"
    assert http.get(f"{ASSETS}/{held['id']}/content").status_code == 200


def test_a_key_may_read_files_or_write_them_as_its_scopes_say(web: Served, http: httpx2.Client) -> None:
    place = kept(http)
    reader = web.client(web.key(scopes=[ApiScope.ASSETS_READ]))
    writer = web.client(web.key(scopes=[ApiScope.ASSETS_WRITE]))
    assert (reader.get(place).status_code, upload(reader).status_code) == (200, 403)
    assert (writer.get(place).status_code, upload(writer).status_code) == (403, 201)
    assert reader.delete(place.removesuffix("/content")).status_code == 403


def test_bytes_that_are_gone_or_damaged_are_told_without_the_servers_paths(web: Served, http: httpx2.Client) -> None:
    place = kept(http)
    (path,) = stored(web)
    path.chmod(0o644)
    path.write_bytes(b"012")
    damaged = http.get(place)
    assert damaged.status_code == 503
    path.unlink()
    gone = http.get(place)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert str(path.parent) not in damaged.text + gone.text and path.name not in gone.text
