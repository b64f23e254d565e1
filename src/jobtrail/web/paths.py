"""Finds the route of a path among those that look like it, instead of asking all of them in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

_NOUN = 3
"""Which part of a path is the noun: /api/v1/jobs."""


class Paths(Router):
    """A router over routes whose nouns stand in the same place. What it does not find, it looks for as any other."""

    def __init__(self, routes: Sequence[StarletteRoute], lifespan: Any) -> None:
        super().__init__(routes, redirect_slashes=False, lifespan=lifespan)
        self._alike: defaultdict[tuple[int, str], list[BaseRoute]] = defaultdict(list)
        for route in routes:
            self._alike[_looks(route.path)].append(route)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self._alike.get(_looks(get_route_path(scope)), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await route.handle(scope, receive, send)
                    return
        await super().app(scope, receive, send)


def _looks(path: str) -> tuple[int, str]:
    """How many parts a path has, and its noun."""
    parts = path.split("/", _NOUN + 1)
    return path.count("/"), parts[_NOUN] if len(parts) > _NOUN else path
