"""Who may do what, as rows: keys, people, memberships, logins, and the record of administration.
The fields stand in the order of the columns of their statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a workspace as lists show it: without its secret, and without the hash of it."""

    id: UUID
    name: str
    scopes: list[str]
    user_id: UUID | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What decides whether a key opens the door, and how far. `role`: that of its person, if it is bound to one."""

    workspace_id: UUID
    id: UUID
    name: str
    secret_hash: bytes = field(repr=False)
    scopes: list[str]
    user_id: UUID | None
    role: str | None
    user_disabled: bool
    expires_at: datetime | None
    revoked_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person, of the installation and not of one workspace."""

    id: UUID
    email: str
    name: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """What decides whether a person may log in. Without a password nobody can, by password."""

    id: UUID
    email: str
    name: str
    disabled_at: datetime | None
    password_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace."""

    user_id: UUID
    email: str
    name: str
    role: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A workspace of a person."""

    workspace_id: UUID
    workspace: str
    role: str


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A login that holds: whose it is, and where the person is what."""

    id: UUID
    user_id: UUID
    email: str
    name: str
    created_at: datetime
    expires_at: datetime
    seen_at: datetime
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The tenant. While it is paused, workers take none of its jobs."""

    id: UUID
    name: str
    created_at: datetime
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class AdministrationEvent:
    """One line of the record of administration."""

    number: int
    at: datetime
    type: str
    actor_type: str
    actor_id: str
    subject_type: str
    subject_id: str
    payload: Any
    hash: bytes


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A line of the record of administration that does not follow from the one before it."""

    workspace_id: UUID
    number: int
    missing: bool
