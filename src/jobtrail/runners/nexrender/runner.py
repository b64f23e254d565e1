"""Runs jobs of type `nexrender`: a render at a nexrender server. The worker finds it by its entry point."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote

from jobtrail import settings
from jobtrail.core.errors import Denied, Invalid, JobtrailError, Misconfigured
from jobtrail.core.outcome import Fail, Outcome
from jobtrail.outgoing import client, guard
from jobtrail.outgoing.guard import Rules
from jobtrail.runners.context import Context
from jobtrail.runners.nexrender import rules, spec
from jobtrail.runners.nexrender.course import Course
from jobtrail.runners.nexrender.paths import in_one_of
from jobtrail.runners.nexrender.rules import Allowed, Installation
from jobtrail.runners.nexrender.spec import Order
from jobtrail.runners.nexrender.talk import Talk
from jobtrail.runners.nexrender.wire import Send, Server

OUTPUT_PATIENCE: Final = timedelta(seconds=30)
"""So long may a file take to appear on a shared disk after its render has finished."""


class Post(Protocol):
    """What the worker hands to runners that call others: which addresses of the own network may be called."""

    rules: Rules


class NexrenderRunner:
    """The runner. Polling holds a slot for as long as the render takes; give renders a queue and slots of their own.

    `installation` None: as the settings of this process say. `patience`: how long an output may take to appear.
    """

    type = spec.TYPE
    description = "Renders an After Effects project at a nexrender server, follows it, and keeps its verified output."
    kills_itself = True  # told to stop, it first says what becomes of the render

    def __init__(
        self,
        *,
        installation: Installation | None = None,
        send: Send = client.send,
        now: Callable[[], float] = time.monotonic,
        patience: timedelta = OUTPUT_PATIENCE,
    ) -> None:
        self._installation, self._send, self._now, self._patience = installation, send, now, patience
        self._outgoing: Rules | None = None

    def carry(self, post: Post) -> None:
        """Calls by these rules from now on."""
        self._outgoing = post.rules

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input."""
        return spec.schema()

    def validate(self, input: Any) -> Mapping[str, str]:
        """What is wrong with an input, by field: its shape only. What is allowed is the workspace's to say."""
        try:
            spec.parse(input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        return {}

    async def check(self, context: Context) -> Mapping[str, str]:
        """What would be refused or not be found, by field; asked before the job takes a slot.

        Raises Unavailable while the render server is away: that is no fault of the input.
        """
        try:
            order = spec.parse(context.input)
        except Invalid as error:
            return error.fields or {"input": error.message}
        try:
            allowed = await self._allowed(context)
        except (Invalid, Misconfigured) as error:
            return {"policy": error.message}
        faults = {**rules.faults(order, allowed), **await asyncio.to_thread(_unreadable, order, allowed)}
        if not faults:
            try:
                server = self._server(context, order, allowed)
            except JobtrailError as error:
                return {"secret": error.message}
            try:
                await server.healthy()
            except Denied as error:
                return {"server": error.message}
        return faults

    async def run(self, context: Context) -> Outcome:
        """One attempt, to its end."""
        try:
            order = spec.parse(context.input)
            allowed = await self._allowed(context)
            server = self._server(context, order, allowed)
        except JobtrailError as error:
            return Fail(error.code, error.message, final=True)
        faults = rules.faults(order, allowed)
        if faults:
            said = "; ".join(f"{path} {what}" for path, what in list(faults.items())[:5])
            return Fail("not_allowed", f"this may not be rendered: {said}", final=True)
        earlier = await context.desk.earlier()
        number = spec.number_after(earlier.session_id, context.job_id)
        talk = Talk(
            context.desk,
            server,
            spec.uid_of(context.job_id, number),
            patience=order.stall_after,
            poll=order.poll_seconds,
            now=self._now,
        )
        return await Course(context, order, server, allowed, talk, number, earlier.seconds, self._patience).to_the_end()

    async def _allowed(self, context: Context) -> Allowed:
        """What this workspace may do. Raises Invalid, Misconfigured."""
        opened = self._opened().of(context.assignment.workspace_id)
        return rules.allowed(await context.desk.policy(), opened)

    def _opened(self) -> Installation:
        if self._installation is None:
            config = settings.load()
            self._installation = Installation(
                servers=config.nexrender_url, roots=config.nexrender_roots, outgoing=guard.rules(config.outgoing_allow)
            )
        if self._outgoing is None:
            return self._installation
        opened = self._installation
        return Installation(servers=opened.servers, roots=opened.roots, outgoing=self._outgoing)

    def _server(self, context: Context, order: Order, allowed: Allowed) -> Server:
        """Raises Invalid or Denied when there is none, or its secret is not set."""
        secret = None if order.secret is None else context.desk.secret(order.secret)
        return Server(rules.server(order, allowed), allowed.outgoing, secret, self._send)


def _unreadable(order: Order, allowed: Allowed) -> dict[str, str]:
    """Files that should be on a disk which this worker shares with the nodes, and are not."""
    found = {}
    named = [("document.template.src", order.document.template)]
    named += [(f"document.assets[{i}].src", each) for i, each in enumerate(order.document.assets)]  # type: ignore[misc]
    for path, part in named:
        src = getattr(part, "src", "")
        file = unquote(src.removeprefix("file://")) if src.startswith("file:///") else ""
        if file and in_one_of(file, allowed.roots) is None and not Path(file).is_file():
            found[path] = "there is no such file"
    return found
