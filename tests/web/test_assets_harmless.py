"""What strangers upload does no harm: no browser runs it, no name leads anywhere or breaks a header."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx2
import pytest
from serving import Served

from jobtrail.web import filenames

ASSETS = "/api/v1/assets"
SCRIPT = b"<script>alert(document.domain)</script>"
HTML = b"<!doctype html><html><body>" + SCRIPT
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG, GIF, WEBP = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", b"GIF89a\x01\x00\x01\x00", b"RIFF\x24\x00\x00\x00WEBPVP8 "
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00"
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm"
MATROSKA = WEBM.replace(b"\x84webm", b"\x88matroska")
OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

FILES: list[tuple[str, str, bytes, str]] = [
    # what it is called, what it is said to be, what it is: and what it is sent as
    ("a.png", "image/png", PNG, "image/png"),
    ("a.jpg", "image/jpeg", JPEG, "image/jpeg"),
    ("a.gif", "image/gif", GIF, "image/gif"),
    ("a.webp", "image/webp", WEBP, "image/webp"),
    ("a.mp4", "video/mp4", MP4, "video/mp4"),
    ("a.webm", "video/webm", WEBM, "video/webm"),
    ("a.txt", "text/plain", "plain text, grün".encode(), TEXT),
    ("a.txt", "text/plain", b"x" * 4_095 + "ü".encode() * 9, TEXT),
    ("a.md", "text/markdown", b"# Title\n\n<b>bold</b>", TEXT),
    ("a.csv", "text/csv", b"a,b\n=1+1,2", TEXT),
    ("a.txt", "text/plain", b"", TEXT),
    # polyglots that begin as what they are said to be: shown as that, and as nothing else
    ("html.png", "image/png", PNG + HTML, "image/png"),
    ("html.gif", "image/gif", b"GIF89a/*" + HTML + b"*/=1;alert(1)", "image/gif"),
    ("html.jpg", "image/jpeg", JPEG + HTML, "image/jpeg"),
    ("late.txt", "text/plain", b"hello " + HTML, TEXT),
    # everything else is bytes to be saved
    ("html.png", "image/png", HTML, OCTETS),
    ("html.html", "text/html", HTML, OCTETS),
    ("html.txt", "text/plain", HTML, OCTETS),
    ("html.txt", "text/plain", b"\xef\xbb\xbf \n\t" + HTML, OCTETS),
    ("html.csv", "text/csv", b"  <script>", OCTETS),
    ("html.png", "text/html", PNG + HTML, OCTETS),
    ("html.htm", "application/xhtml+xml", HTML, OCTETS),
    ("a.svg", "image/svg+xml", SVG, OCTETS),
    ("a.png", "image/png", SVG, OCTETS),
    ("a.txt", "text/plain", SVG, OCTETS),
    ("a.png", "image/svg+xml", PNG, OCTETS),
    ("a.xml", "text/xml", b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml"/>', OCTETS),
    ("a.xsl", "text/xsl", b"<xsl:stylesheet/>", OCTETS),
    ("a.pdf", "application/pdf", b"%PDF-1.7 /JavaScript", OCTETS),
    ("pdf.png", "image/png", b"%PDF-1.7", OCTETS),
    ("pdf.txt", "text/plain", b"%PDF-1.7 text", OCTETS),
    ("a.js", "text/javascript", b"alert(1)", OCTETS),
    ("a.js", "application/javascript", b"alert(1)", OCTETS),
    ("a.css", "text/css", b"@import 'http://x'", OCTETS),
    ("a.json", "application/json", b'{"a": "<script>"}', OCTETS),
    ("a.swf", "application/x-shockwave-flash", b"FWS", OCTETS),
    ("a.mht", "message/rfc822", b"MIME-Version: 1.0", OCTETS),
    ("a.ico", "image/x-icon", b"\x00\x00\x01\x00", OCTETS),
    ("a.bmp", "image/bmp", b"BM" + HTML, OCTETS),
    ("a.tiff", "image/tiff", b"II*\x00", OCTETS),
    ("a.avif", "image/avif", b"\x00\x00\x00\x18ftypavif", OCTETS),
    ("heic.mp4", "video/mp4", b"\x00\x00\x00\x18ftypheic", OCTETS),
    ("a.mkv", "video/webm", MATROSKA, OCTETS),
    ("short.png", "image/png", b"\x89PNG", OCTETS),
    ("empty.png", "image/png", b"", OCTETS),
    ("late.png", "image/png", b"\n" + PNG, OCTETS),
    ("gif.png", "image/png", GIF, OCTETS),
    ("riff.webp", "image/webp", b"RIFF\x24\x00\x00\x00WAVE", OCTETS),
    ("latin.txt", "text/plain", "grün".encode("latin-1"), OCTETS),
    ("utf16.txt", "text/plain", "<script>".encode("utf-16"), OCTETS),
    ("utf7.txt", "text/plain", b"+ADw-script+AD4-\x00", OCTETS),
    ("cut.txt", "text/plain", "ü".encode()[:1], OCTETS),
    ("nul.txt", "text/plain", b"a\x00b", OCTETS),
    ("shell.txt", "text/plain", b"#!/bin/sh\nrm -rf /", OCTETS),
    ("rtf.txt", "text/plain", b"{\\rtf1 }", OCTETS),
    ("none", "x/y", b"anything", OCTETS),
]


def test_no_file_is_shown_as_what_it_is_not(http: httpx2.Client) -> None:
    for name, said, content, shown in FILES:
        made = http.post(ASSETS, params={"name": name, "media_type": said}, content=content)
        assert made.json()["media_type"] == said
        for headers in ({}, {"Range": "bytes=0-0"}):
            found = http.get(f"{made.headers['location']}/content", headers=headers)
            case = (name, said, content[:20])
            if found.status_code != 416:
                kind, _, _ = found.headers["content-disposition"].partition(";")
                assert (found.headers["content-type"], kind) == (
                    shown,
                    "attachment" if shown == OCTETS else "inline",
                ), case
                assert found.headers["content-security-policy"] == "sandbox; default-src 'none'", case
            assert found.headers["x-content-type-options"] == "nosniff", case
            assert found.headers["cross-origin-resource-policy"] == "same-origin", case


def test_parts_of_a_file_do_not_tell_another_type_than_the_whole(http: httpx2.Client) -> None:
    made = http.post(ASSETS, params={"name": "a.html", "media_type": "text/html"}, content=HTML)
    found = http.get(f"{made.headers['location']}/content", headers={"Range": "bytes=0-1, 5-9"})
    assert found.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert b"text/html" not in found.content and found.content.count(OCTETS.encode()) == 2
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["content-security-policy"] == "sandbox; default-src 'none'"


NAMES = [
    ".", "..", "...", "../a", "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd", "//host/share",
    "\\\\host\\share\\a", "C:\\autoexec.bat", "C:a", "file:///etc/passwd", "a/../b", "a/./b", "a//b", "a/", "/", "\\",
    "%2e%2e%2fetc%2fpasswd", "%252e%252e%252f", "..%c0%af..", "..;/a", "a%00.png", "a\x00.png", "\x00", "a\nb", "a\r\nb",
    "a\r\nSet-Cookie: x=1", 'a"\r\n\r\n<script>', 'a"; filename="b.exe', "a; filename*=UTF-8''b.exe", "a'b", '"', '\\"',
    "a\tb", "a\x1b[31m", "a\x7f", "a\x85b", "a\u2028b", "photo\u202egnp.exe", "a\u200b.png", "\u2066a\u2069", "\ufeffa",
    "\u2024\u2024/a", "\u2025/a", "\u2026", "\uff0e\uff0e\uff0fetc", "\u3002\u3002", "a\uff3cb", "\u2215etc\u2215passwd",
    "CON", "con.txt", "NUL", "COM1.txt", "LPT9", "aux", "COM\u00b9", "CONIN$", "a.", "a ", " a", " ", "\u3000", ".htaccess", "~root",
    "$(id)", "`id`", "a|b", "a<b>c", "a*b?", "a:b", "a::$DATA", "-rf", "straße.pdf", "文書.pdf", "🎬.mp4", "é", "e\u0301",
    "\ud7ff", "\ue000", "\ufffe", "\U0010ffff", "x" * 255, "x" * 256, "ü" * 127, "ü" * 200, "x" * 4_096, "a." + "b" * 200, ".png",
    "x" * 240 + ".tar.gz", "",
]  # fmt: skip


def test_a_nasty_name_is_refused_or_harmless(http: httpx2.Client, web: Served) -> None:
    kept = 0
    for name in NAMES:
        made = http.post(ASSETS, params={"name": name}, content=b"x")
        assert made.status_code in (201, 422), (name, made.text)
        if made.status_code == 422:
            assert made.json()["errors"][0]["path"] == "name"
            continue
        kept += 1
        assert made.json()["name"] == name
        found = http.get(f"{made.headers['location']}/content")
        dispositions = found.headers.get_list("content-disposition")
        assert len(dispositions) == 1 and "set-cookie" not in found.headers
        check_disposition(dispositions[0])
    assert kept > 60, "most are only odd"
    folder = web.server.web.runtime.config.assets
    assert [path.relative_to(folder).parts[:2] for path in folder.rglob("*") if path.is_file()] == [("2d", "71")]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_job_called_a_file_is_a_plain_name_in_the_header(name: str) -> None:
    check_disposition(filenames.disposition(name, inline=False))


def check_disposition(header: str) -> None:
    """It can be read in one way only, and what a browser will call the file is harmless."""
    match = re.fullmatch(
        r"(?:inline|attachment); filename=\"([^\"\\]+)\"(?:; filename\*=UTF-8''([A-Za-z0-9._~%-]+))?", header
    )
    assert match is not None and header.isascii() and header.isprintable(), header
    for seen in (match[1], unquote(match[2], errors="strict") if match[2] else match[1]):
        assert seen.isprintable() and seen == seen.strip(". ") and len(seen.encode()) <= 220, header
        assert not set(seen) & set('/\\:*?"<>|%') and not re.search(
            "[\u2024-\u202e\u200b-\u200f\u2066-\u2069\uff0e\uff0f]", seen
        )
        assert not re.match(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", seen), header


def test_a_name_keeps_what_is_good_of_it() -> None:
    for name, becomes in {
        "report.pdf": "report.pdf", "my report (2).pdf": "my report (2).pdf", "straße.pdf": "straße.pdf",
        "a/b/report.pdf": "report.pdf", "photo\u202egnp.exe": "photognp.exe", "..": "file", "CON.txt": "_CON.txt",
        "x" * 250 + ".tar": "x" * 196 + ".tar", ".gitignore": "gitignore",
    }.items():  # fmt: skip
        assert filenames.safe(name) == becomes
