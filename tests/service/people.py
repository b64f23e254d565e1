"""People, workspaces and keys where a test needs them, through the verbs only."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

import psycopg
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core import api_keys, passwords
from jobtrail.core.access import AdministrationEvent, ApiKey
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import administration, keys, memberships, users, workspaces
from jobtrail.store.db import translated

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
ALL = frozenset(ApiScope)
CHEAP = passwords.Cost(n=2**4)
PASSWORD = "correct horse battery staple"
HASHED = passwords.hash_password(PASSWORD, bytes(16), CHEAP)


def other(scene: Scene) -> UUID:
    """A second workspace."""
    return scene.do(workspaces.create(OTHER, "other", ME)).id


def person(scene: Scene, name: str = "ann", role: Role | None = None, workspace: UUID = WORKSPACE) -> UUID:
    """Somebody with a password; a member with `role`."""
    user = scene.do(users.create(ids.new(), f"{name}@example.org", name, HASHED, ME))
    if role is not None:
        scene.do(memberships.add(workspace, user.id, role, ME, ALL))
    return user.id


def key(
    scene: Scene,
    *,
    workspace: UUID = WORKSPACE,
    scopes: frozenset[ApiScope] = SCOPES_OF[Role.OPERATOR],
    user_id: UUID | None = None,
    expires_at: datetime | None = None,
    may: frozenset[ApiScope] = ALL,
) -> tuple[ApiKey, str]:
    """A key, and its text."""
    id = ids.new()
    text = api_keys.make(id, hashlib.sha256(id.bytes).digest())
    new = keys.NewKey(
        id=id,
        name="ci",
        secret_hash=api_keys.digest(api_keys.parse(text)[1]),
        scopes=scopes,
        expires_at=expires_at,
        user_id=user_id,
    )
    return scene.do(keys.create(workspace, new, ME, may)), text


def enter(scene: Scene, text: str) -> frozenset[ApiScope]:
    """What a key opens now, as the door has it."""
    id, secret = api_keys.parse(text)
    return api_keys.admitted(scene.do(keys.authenticate(id)), secret)


def told(scene: Scene, workspace: UUID = WORKSPACE) -> list[AdministrationEvent]:
    """The record of administration, oldest first."""
    return scene.do(administration.listed(workspace, limit=1000))[::-1]


def words(scene: Scene, workspace: UUID = WORKSPACE) -> list[str]:
    """The same in single words."""
    return [event.type for event in told(scene, workspace)]


def raw(scene: Scene, attack: str, params: tuple[object, ...] = ()) -> None:
    """A statement of a stranger's, with our errors for the database's."""
    try:
        scene.conn.execute(attack.encode(), params)
    except psycopg.Error as error:
        raise translated(error) from error
