"""The door: who comes with a request, whether the key still holds, and how often it may come."""

from __future__ import annotations

import getpass
import time
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from starlette.requests import Request

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core import api_keys, login_tokens
from jobtrail.core.access import KeyFacts
from jobtrail.core.errors import Denied, NotFound, Unauthenticated
from jobtrail.core.model import Actor
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.core.status import ActorType
from jobtrail.service import keys, login_sessions
from jobtrail.store.db import ALL, Scope
from jobtrail.web import cookies
from jobtrail.web.principal import Principal
from jobtrail.web.rates import Rates
from jobtrail.web.routing import PAGES, Dialect, Open
from jobtrail.web.runtime import KnownKey, Runtime

_REMEMBERED_SECONDS: Final = 5.0
_MOST_REMEMBERED: Final = 10_000
_WRONG_PER_SECOND: Final = 1.0
_WRONG_AT_ONCE: Final = 20.0
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOBODY: Final = Principal(workspace=UUID(int=0), actor=Actor(ActorType.SYSTEM, "nobody"), scopes=frozenset())


class Door:
    """Lets requests in. Keys are looked up at most every 5 s; so long may a revoked one go on.

    Wrong keys are slowed down by their address, and never slow down a right one that comes from there too.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        config = runtime.config
        self.limit(config.key_requests_per_second, config.workspace_requests_per_second)
        self._local = _somebody_local() if runtime.service.local else None

    def limit(self, per_key: float, per_workspace: float) -> None:
        """Counts from now by these rates, in requests a second; twice as many may come at once. 0: no limit."""
        self._keys = Rates(per_key, per_key * 2)
        self._workspaces = Rates(per_workspace, per_workspace * 2)
        self._wrong = Rates(_WRONG_PER_SECOND if per_key else 0, _WRONG_AT_ONCE)

    async def admit(self, request: Request, scope: ApiScope | Open, dialect: Dialect | None = None) -> Principal:
        """Who it is, by the Authorization header or another one in which its key may stand.

        Raises Unauthenticated, Denied, TooOften, and NotFound for a page of another workspace.
        """
        if scope is Open.TO_ALL:
            return _NOBODY
        principal = await self._principal(request, dialect)
        if principal.listener is not None:
            self._runtime.used.add(principal.listener)
        self._keys.take(principal.name, "requests with this key")
        self._workspaces.take(str(principal.workspace), "requests to this workspace")
        if isinstance(scope, ApiScope):
            principal.require(scope)
        return principal

    async def _principal(self, request: Request, dialect: Dialect | None) -> Principal:
        given = request.headers.get("authorization")
        key_header = dialect.key_header if dialect is not None else None
        if given is None and key_header is not None and (key := request.headers.get(key_header)):
            given = f"Bearer {key}"
        if given is not None:
            return await self._of_here(await self._of_key(given, request), request, dialect)
        token = cookies.token_of(request)
        if token is not None and self._local is None:
            return await self._of_login(request, token, dialect)
        if self._local is not None:
            _check_local(request)
            return await self._of_here(self._local, request, dialect)
        raise Unauthenticated("send an API key: `Authorization: Bearer jt_…`; `jobtrail key create` makes one")

    async def _of_key(self, header: str, request: Request) -> Principal:
        address = request.client.host if request.client else ""
        kind, _, text = header.partition(" ")
        try:
            if kind.lower() != "bearer":
                raise Unauthenticated("the Authorization header must be `Bearer jt_…`")
            key_id, secret = api_keys.parse(text.strip())
            facts = await self._facts(key_id)
            scopes = api_keys.admitted(facts, secret)
        except Denied as error:
            self._wrong.take(address, "wrong keys from this address")
            raise Unauthenticated(error.message) from error
        assert facts is not None  # noqa: S101  (nothing was admitted without)
        return Principal(
            workspace=facts.workspace_id,
            actor=Actor(ActorType.API_KEY, str(facts.id)),
            scopes=scopes,
            key_id=facts.id,
            user_id=facts.user_id,  # what a person's key makes is the person's too, and ends with their membership
        )

    async def _of_here(self, principal: Principal, request: Request, dialect: Dialect | None) -> Principal:
        """Somebody who speaks for one workspace; of a page's path only that one is theirs. Raises NotFound."""
        if dialect is not PAGES:
            return principal
        wanted = request.path_params.get("workspace")
        name = await self._runtime.name_of(principal.workspace)
        if wanted not in (None, name, str(principal.workspace)):  # unless it has another name since
            name = await self._runtime.name_of(principal.workspace, fresh=True)
            if wanted != name:
                raise NotFound("there is no such workspace for you")
        return replace(principal, workspace_name=name)

    async def _of_login(self, request: Request, token: str, dialect: Dialect | None) -> Principal:
        """A person who signed in, in the workspace that the request names, or in their only one."""
        found = await self._runtime.reads.arun(login_sessions.find(login_tokens.digest(token)), Scope.of(ALL))
        if found is None:
            raise Unauthenticated("this login has ended; sign in again")
        if request.method not in _SAFE:
            _check_form(request, token)
        wanted = request.headers.get("jobtrail-workspace") or request.query_params.get("workspace")
        if dialect is PAGES:
            wanted = request.path_params.get("workspace")
        fits = [one for one in found.memberships if wanted in (None, str(one.workspace_id), one.workspace)]
        if dialect is PAGES and wanted is not None and not fits:
            raise NotFound(f"there is no workspace {wanted!r} for {found.email}")
        if len(fits) != 1 and not (dialect is PAGES and fits):
            said = "say which workspace in the header Jobtrail-Workspace" if fits else "you are in no such workspace"
            raise Denied(f"{said}; GET /api/v1/login lists yours", fields={"Jobtrail-Workspace": said})
        return Principal(
            workspace=fits[0].workspace_id,
            actor=Actor(ActorType.USER, found.email),
            scopes=SCOPES_OF[Role(fits[0].role)],
            user_id=found.user_id,
            login_id=found.id,
            workspace_name=fits[0].workspace,
            memberships=tuple(found.memberships),
        )

    async def _facts(self, key_id: UUID) -> KeyFacts | None:
        known, now = self._runtime.known_keys.get(key_id), time.monotonic()
        if known is not None and now < known.until:
            return known.facts
        facts = await self._runtime.reads.arun(keys.authenticate(key_id), Scope.of(ALL))
        if len(self._runtime.known_keys) >= _MOST_REMEMBERED:
            self._runtime.known_keys.clear()
        self._runtime.known_keys[key_id] = KnownKey(facts, now + _REMEMBERED_SECONDS)
        return facts


def _somebody_local() -> Principal:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    return Principal(workspace=DEFAULT_WORKSPACE, actor=Actor(ActorType.USER, name), scopes=SCOPES_OF[Role.OWNER])


def _check_form(request: Request, token: str) -> None:
    """A cookie goes along wherever the browser is led, so what changes something must prove that our page sent it."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("none", "same-origin"):
        raise Denied("a page of elsewhere may change nothing here")
    if not login_tokens.csrf_fits(token, request.headers.get("x-csrf-token", "")):
        raise Denied("send the csrf_token of the login as X-CSRF-Token", fields={"X-CSRF-Token": "missing or wrong"})


def _check_local(request: Request) -> None:
    """Without a key only programs and pages of this machine get in: no page of elsewhere, under whatever name.

    A browser that was lured to a name that leads here (DNS rebinding) tells that name in Host; a page of elsewhere that
    sends a form here is told by Origin or Sec-Fetch-Site. Raises Denied.
    """
    if not _is_local(request.url.hostname or ""):
        raise Denied(f"without a key, this service answers to localhost only, not to {request.url.hostname!r}")
    if request.client is not None and not _is_local(request.client.host):
        raise Denied("without a key, only this machine gets in")
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    if request.method not in _SAFE and site not in ("none", "same-origin"):
        raise Denied("a page of elsewhere may change nothing here")
    if origin is not None and not origin.partition("://")[2] == request.headers.get("host", ""):
        raise Denied(f"a page of {origin} may ask nothing here")


@lru_cache(maxsize=1_024)
def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
