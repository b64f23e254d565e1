"""Routes of logins: a person signs in with a password, and a cookie stands for them until they sign out."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core import login_tokens, passwords
from jobtrail.core.access import Membership, SessionFacts
from jobtrail.core.errors import TooOften, Unauthenticated
from jobtrail.service import login_sessions, users
from jobtrail.store.identity import new_id, new_secret
from jobtrail.web import cookies
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call

LASTS: Final = timedelta(days=30)


class LoginBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in."""

    email: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]


class WorkspaceOf(msgspec.Struct, frozen=True):
    """A workspace of a person."""

    id: UUID
    name: str
    role: str


class LoginView(msgspec.Struct, frozen=True):
    """A login that holds. Requests that change something send `csrf_token` as `X-CSRF-Token`, and, where the person is in
    several workspaces, the id of one as `Jobtrail-Workspace`."""

    user_id: UUID
    email: str
    name: str
    csrf_token: str
    workspaces: list[WorkspaceOf]


async def log_in(call: Call, body: LoginBody) -> Reply[LoginView]:
    """Sign in; the answer sets the cookie. Whoever was signed in by the cookie before is no longer."""
    address = call.request.client.host if call.request.client else ""
    wait = await call.across(login_sessions.pause(body.email, address))
    if wait > timedelta(0):
        seconds = wait.total_seconds()
        raise TooOften(f"too many wrong passwords; try again in {math.ceil(seconds)} s", seconds)
    facts = await call.across(users.by_email(body.email))
    stored = facts.password_hash if facts is not None and facts.disabled_at is None else None
    async with call.runtime.password_checks:
        right = await asyncio.to_thread(passwords.verify_password, body.password, stored)
    if not right or facts is None:
        await call.across(login_sessions.failed(body.email, address))
        raise Unauthenticated("the e-mail or the password is wrong")
    if stored is not None and passwords.needs_rehash(stored):
        better = passwords.hash_password(body.password, new_secret(passwords.SALT_BYTES))
        await call.across(users.rehash(facts.id, stored, better))
    token = login_tokens.make(new_secret(login_tokens.TOKEN_BYTES))
    digest = login_tokens.digest(token)
    await call.across(login_sessions.begin(facts.id, digest, LASTS, id=new_id(), address=address))
    found = await call.found_across(login_sessions.find(digest), "such login")
    await _end(call, cookies.token_of(call.request))
    secure = cookies.is_secure(call.request)
    return Reply(_view(found, token), headers={"Set-Cookie": cookies.of(token, LASTS, secure=secure)})


async def get_login(call: Call) -> LoginView:
    """Who is signed in by this cookie."""
    token = cookies.token_of(call.request)
    found = None if token is None else await call.across(login_sessions.find(login_tokens.digest(token)))
    if token is None or found is None:
        raise Unauthenticated("nobody is signed in by a cookie")
    return _view(found, token)


async def log_out(call: Call) -> Reply[None]:
    """Sign out: the login ends here and everywhere it was copied to."""
    if call.principal.login_id is not None:
        await call.across(login_sessions.end(call.principal.login_id))
        call.runtime.hub.recheck()
    secure = cookies.is_secure(call.request)
    return Reply(None, headers={"Set-Cookie": cookies.of("", timedelta(0), secure=secure)})


async def _end(call: Call, token: str | None) -> None:
    """Nobody holds the cookie that is about to be replaced: its login, and the streams that it opened, end."""
    before = None if token is None else await call.across(login_sessions.find(login_tokens.digest(token)))
    if before is not None:
        await call.across(login_sessions.end(before.id))
        call.runtime.hub.recheck()


def _view(found: SessionFacts, token: str) -> LoginView:
    return LoginView(
        found.user_id,
        found.email,
        found.name,
        login_tokens.csrf_of(token),
        [_workspace(membership) for membership in found.memberships],
    )


def _workspace(membership: Membership) -> WorkspaceOf:
    return WorkspaceOf(membership.workspace_id, membership.workspace, membership.role)
