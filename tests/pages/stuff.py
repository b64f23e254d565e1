"""What jobs of the scene print, make and take: a file of each kind, and lines as programs write them."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent / "files"


def png(width: int = 64, height: int = 40, colour: tuple[int, int, int] = (40, 120, 200)) -> bytes:
    """A picture with a ramp in it."""
    rows = b"".join(
        b"\0" + b"".join(bytes((colour[0], colour[1], (colour[2] + x * 2) % 256)) for x in range(width))
        for _ in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: float = 0.25, rate: int = 8_000) -> bytes:
    """A tone."""
    samples = b"".join(struct.pack("<h", (n * 997) % 20_000 - 10_000) for n in range(int(rate * seconds)))
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(samples),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
        b"data",
        len(samples),
    )
    return head + samples


def pdf(text: str = "A report") -> bytes:
    """One page."""
    stream = f"BT /F1 24 Tf 40 100 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = f"xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + tail.encode()


_CSV: Final = "page,frames,note\n" + "".join(f'{n},{n * 12},"a, quoted ""note"""\n' for n in range(1, 200))
_HTML: Final = b"<!doctype html><title>x</title><script>window.ran = 1; parent.ran = 1</script><h1>hello</h1>"
_SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran = 1"><script>window.ran = 1</script></svg>'

FILES: Final[dict[str, tuple[str, bytes]]] = {
    "frame.png": ("image/png", png()),
    "photo.jpg": ("image/jpeg", (HERE / "photo.jpg").read_bytes()),
    "preview.mp4": ("video/mp4", (HERE / "clip.mp4").read_bytes()),
    "voice.wav": ("audio/wav", wav()),
    "report.pdf": ("application/pdf", pdf()),
    "pages.csv": ("text/csv", _CSV.encode()),
    "data.json": ("application/json", json.dumps({"frames": list(range(300)), "big": 2**60}).encode()),
    "captions.txt": ("text/plain", "Grüße — 字幕\n".encode() * 40),
    "page.html": ("text/html", _HTML),
    "drawing.svg": ("image/svg+xml", _SVG),
    "data.bin": ("application/octet-stream", bytes(range(256)) * 40),
}
"""Name, media type and bytes."""

_TRACEBACK: Final = """Traceback (most recent call last):
  File "/app/upload.py", line 88, in upload
    send(part)
  File "/app/send.py", line 12, in send
    raise TimeoutError("upload took > 30 s")
TimeoutError: upload took > 30 s"""


def _lines() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = [
        {"message": f"start seg={n} codec=h264", "level": "INFO", "source": "STDOUT"} for n in range(600)
    ]
    told[5] |= {
        "message": "\x1b[1;31mred and bold\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[38;2;90;200;90mgreen\x1b[0m plain"
    }
    told[6] |= {"message": "".join(f"frame= {n:4} fps= 61\r" for n in range(60)) + "frame= 60 done"}
    told[7] |= {"message": "see \x1b]8;;https://example.org/a\x1b\\the page\x1b]8;;\x1b\\ and https://example.org/b."}
    told[8] |= {"message": "x" * 40_000, "source": "STDERR"}
    told[9] |= {"message": "tabs\tand\x1b[2Kclears \x07 and \x1b[?25l cursor", "level": "DEBUG"}
    told[10] |= {"message": _TRACEBACK, "level": "ERROR", "source": "STDERR"}
    told[11] |= {"message": "psnr below target", "level": "WARN", "details": {"psnr": 33.1, "target": 35}}
    told[12] |= {"message": "Привет, 世界, مرحبا, שלום, 👩‍👩‍👧", "level": "FATAL"}
    return told


LINES: Final = _lines()
"""Lines of a log, with whatever programs put into lines."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string"},
        "quality": {"type": "string", "enum": ["720p", "1080p", "2160p"], "default": "1080p"},
        "n": {"type": "integer", "minimum": 1},
        "ratio": {"type": "number"},
        "loud": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}},
        "of": {"type": "object"},
    },
}
