"""Who makes a request, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from jobtrail.core.access import Membership
from jobtrail.core.errors import Denied
from jobtrail.core.model import Actor
from jobtrail.core.scopes import ApiScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A key or a person that speaks for one workspace. `key_id` None: a person who signed in, or somebody local."""

    workspace: UUID
    actor: Actor
    scopes: frozenset[ApiScope]
    key_id: UUID | None = None
    user_id: UUID | None = None
    login_id: UUID | None = None
    workspace_name: str = ""  # known to pages and logins
    memberships: tuple[Membership, ...] = ()

    @property
    def name(self) -> str:
        """By what rates are counted."""
        return f"{self.actor.type}:{self.key_id or self.login_id or self.actor.id}"

    @property
    def listener(self) -> tuple[str, UUID] | None:
        """By what a stream is asked whether it may go on; None: it may for ever, as somebody local."""
        if self.key_id is not None:
            return ("key", self.key_id)
        return None if self.login_id is None else ("login", self.login_id)

    @property
    def as_owner(self) -> bool:
        """Whether it is somebody of this machine, who has every role here without being a member."""
        return self.key_id is None and self.login_id is None

    def require(self, scope: ApiScope) -> None:
        """Raises Denied where it may not."""
        if scope not in self.scopes:
            raise Denied(
                f"this {'key' if self.key_id else 'person'} may not do this: it needs the scope {scope}",
                fields={"scope": str(scope)},
            )
