"""The files that pages load: read once, packed once, and named by their digest, so that browsers keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.responses import Response

from jobtrail.core.errors import NotFound
from jobtrail.web.runtime import Call

_MEDIA: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "toml": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Static:
    """One file, as it is and packed."""

    media_type: str
    raw: bytes
    packed: bytes


@dataclass(frozen=True, slots=True)
class Statics:
    """All files by their path, and what names this version of them."""

    version: str
    files: dict[str, Static]


@cache
def statics() -> Statics:
    """The files as they came with the package."""
    found = dict(_found(files("jobtrail.web") / "static", ""))
    digest = hashlib.sha256(b"".join(name.encode() + found[name].raw for name in sorted(found)))
    return Statics(digest.hexdigest()[:12], found)


def _found(folder: Traversable, at: str) -> list[tuple[str, Static]]:
    entries = []
    for one in folder.iterdir():
        if one.is_dir():
            entries += _found(one, f"{at}{one.name}/")
        elif (media := _MEDIA.get(one.name.rpartition(".")[2])) is not None:
            raw = one.read_bytes()
            entries.append((at + one.name, Static(media, raw, gzip.compress(raw, 9, mtime=0))))
    return entries


async def show_static(call: Call, version: str, path: str) -> Response:
    """One file; of another version than this one it is answered too, but not to be kept."""
    known = statics()
    found = known.files.get(path)
    if found is None:
        raise NotFound(f"there is no file {path!r}")
    headers = {"Cache-Control": _FOR_EVER if version == known.version else "no-cache", "Vary": "Accept-Encoding"}
    if "gzip" in call.request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, headers=headers, media_type=found.media_type)
    return Response(found.raw, headers=headers, media_type=found.media_type)
