"""The cookie of a login. Over HTTPS its name keeps other hosts from setting it; it is never there for scripts to read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.requests import Request

SECURE_NAME: Final = "__Host-jobtrail"
PLAIN_NAME: Final = "jobtrail"
"""Over plain HTTP, which only a machine's own address should speak, browsers refuse the other name."""


def is_secure(request: Request) -> bool:
    """Whether the browser speaks HTTPS, to us or to the proxy that we trust."""
    return bool(request.scope.get("scheme") == "https")


def of(token: str, lasts: timedelta, *, secure: bool) -> str:
    """The header that sets the cookie; an empty token takes it away."""
    name = SECURE_NAME if secure else PLAIN_NAME
    parts = [f"{name}={token}", "Path=/", f"Max-Age={int(lasts.total_seconds())}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, "Secure"] if secure else parts)


def token_of(request: Request) -> str | None:
    """The token that the browser sends."""
    return request.cookies.get(SECURE_NAME if is_secure(request) else PLAIN_NAME)
