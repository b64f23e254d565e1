"""People approve an agent's tool calls: the program asks us, we ask people, and the resumed session gets their answer.

The program is never kept waiting for people. A call that needs them is refused for now and ends the turn; the job waits
at a gate without a slot, and the same call is allowed or refused when the session is resumed.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import Meta, field

from jobtrail.core import duration, jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.status import LogLevel, LogSource, Phase
from jobtrail.runners.claude import permission_server as server
from jobtrail.runners.claude.question import Call, Question, key_of, question_of, refusal, told
from jobtrail.runners.pipeline.model import Span
from jobtrail.runners.protocol import Decision, Desk, LogLine

TOOL: Final = f"mcp__{server.NAME}__{server.TOOL}"
MEMORY: Final = "approvals.json"
MAX_APPROVERS: Final = 100
MAX_OPEN: Final = 20  # questions of one turn; a model that asks more is refused
MAX_CALL_BYTES: Final = 64 << 20  # of one line on the socket; a file that is written comes whole
MAX_SOCKET_PATH: Final = 100  # what the kernels take is 104 or 108


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who decides on tool calls that the program's own rules neither allow nor refuse."""

    approvers: Annotated[list[str], Meta(description="Who may decide; empty: whoever may decide gates at all.")] = (
        field(default_factory=list)
    )
    needed: Annotated[int, Meta(description="How many have to approve.")] = 1
    expires: Annotated[Span | None, Meta(description="How long to wait; then the call is refused.")] = None
    trust_project: Annotated[
        bool,
        Meta(
            description="Whether the project's own settings and CLAUDE.md are read. Its hooks can then approve calls "
            "before people are asked."
        ),
    ] = False


def faults(spec: Approval, at: str = "approval") -> Mapping[str, str]:
    """What is wrong with it, by field path; pure."""
    found: dict[str, str] = {}
    if len(spec.approvers) > MAX_APPROVERS:
        found[f"{at}.approvers"] = f"must be at most {MAX_APPROVERS}"
    for i, name in enumerate(spec.approvers):
        try:
            jsonguard.check_name(name, "name")
        except Invalid as error:
            found[f"{at}.approvers[{i}]"] = error.fields["name"]
    if spec.needed < 1 or (spec.approvers and spec.needed > len(set(spec.approvers))):
        found[f"{at}.needed"] = "must be at least 1, and not more than there are approvers"
    try:
        if spec.expires is not None and not duration.parse(spec.expires):
            found[f"{at}.expires"] = "must be longer than nothing"
    except Invalid as error:
        found[f"{at}.expires"] = error.message
    return found


class _Entry(msgspec.Struct):
    """A call that people were asked about; `told`: the agent knows the answer."""

    call: Call
    told: bool = False


class _Memory(msgspec.Struct):
    """What was asked, as the next attempt finds it. Of an earlier generation nothing is taken over.

    It has the calls themselves, and no words or keys: an agent that found the file could not have people approve one
    call by the words of another.
    """

    generation: int
    asked: list[_Entry] = field(default_factory=list)


class ToolApprovals:
    """The answers to an attempt's tool calls: `settle()` first; each program in an `async with`; after it `ask()`.

    `folder` is the job's own and outlives the attempt. If it is lost, nothing goes wrong: what was decided is asked at the
    desk again, which remembers.
    """

    tool = TOOL  # for --permission-prompt-tool

    def __init__(
        self, desk: Desk, spec: Approval, *, folder: Path, generation: int, hide: Callable[[str], str] = str
    ) -> None:
        self.wanted = asyncio.Event()  # a call needs people: the program ends its turn now; stop it if it does not
        self._desk = desk
        self._spec = spec
        self._hide = hide
        self._file = folder / MEMORY
        self._memory = _Memory(generation)
        self._decisions: dict[str, Decision] = {}
        self._open: dict[str, Question] = {}
        self._token = secrets.token_urlsafe(32)
        self._folder: Path | None = None
        self._listener: asyncio.Server | None = None

    async def settle(self) -> None:
        """Before the first program of an attempt: learns what was decided. Raises Waits while a question is open."""
        self._memory = await asyncio.to_thread(_read, self._file, self._memory.generation)
        for entry in self._memory.asked:
            await self._decide(self._question(entry.call))

    async def __aenter__(self) -> Self:
        """Answers calls from now on. Raises OSError."""
        self._folder = await asyncio.to_thread(_private_folder)
        path = self._folder / "ask"
        self._listener = await asyncio.start_unix_server(self._serve, path, limit=MAX_CALL_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """No longer."""
        if self._listener is not None:
            self._listener.close()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        self._listener = self._folder = None

    @property
    def mcp_servers(self) -> dict[str, Any]:
        """For "mcpServers" of --mcp-config; valid inside the block. It holds a token: give it in a file, not in argv."""
        if self._folder is None:
            raise ValueError("there is no server outside of the block")
        argv = ["-I", "-S", str(Path(server.__file__).resolve()), str(self._folder / "ask")]
        env = {server.TOKEN: self._token}
        return {server.NAME: {"type": "stdio", "command": sys.executable, "args": argv, "env": env}}

    async def ask(self) -> None:
        """After the program has ended with `wanted` set: asks people, one question after the other.

        Raises Waits. It returns when all was decided before: then resume the session with `approved_prompt()`.
        """
        known = {self._question(entry.call).key for entry in self._memory.asked}
        new = [question for key, question in self._open.items() if key not in known]
        self._memory.asked += [_Entry(question.call) for question in new]
        await asyncio.to_thread(_write, self._file, self._memory)
        for question in new:
            self._note(f"the agent wants to use {question.tool}, and asks people: {question.text}")
            if question.whole is not None:
                name = f"{question.key}.json"
                await self._desk.keep(name, question.whole.encode(), "question", "application/json", None)
        for question in list(self._open.values()):
            await self._decide(question)
        self._open.clear()
        self.wanted.clear()

    def approved_prompt(self) -> str | None:
        """What to tell the resumed session of decisions that it does not know yet; None if there are none."""
        questions = [self._question(entry.call) for entry in self._memory.asked if not entry.told]
        news = [(each, self._decisions[each.key]) for each in questions if each.key in self._decisions]
        return told(news) if news else None

    async def heard(self) -> None:
        """The session goes on after `approved_prompt`: it is not told these decisions again."""
        if any(not entry.told for entry in self._memory.asked):
            self._memory.asked = [_Entry(entry.call, told=True) for entry in self._memory.asked]
            await asyncio.to_thread(_write, self._file, self._memory)

    def _question(self, call: Call) -> Question:
        return question_of(call, self._hide)

    async def _decide(self, question: Question) -> None:
        spec = self._spec
        decision = await self._desk.ask(
            question.key,
            question.text,
            phase=Phase.EXECUTION,
            approvers=tuple(spec.approvers),
            needed=spec.needed,
            form=None,
            expires=None if spec.expires is None else duration.parse(spec.expires),
        )
        self._decisions[question.key] = decision

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question of the program."""
        try:
            answer = self._answer(await reader.readline())
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the other side went away, or sent a line without an end; who has no answer refuses
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        """What the program is told of a call."""
        try:
            asked = msgspec.json.decode(line, type=_Asked, strict=True)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return server.refused("this question cannot be read")
        if not hmac.compare_digest(asked.token.encode(), self._token.encode()):
            return server.refused("this question does not come from the program of this job")
        decision = self._decisions.get(key_of(asked.call.tool_name, asked.call.input))
        if decision is None:
            return self._needs_people(asked.call)
        if decision.approved:
            return {"behavior": "allow", "updatedInput": asked.call.input}
        return server.refused(refusal(decision))

    def _needs_people(self, call: Call) -> dict[str, Any]:
        question = self._question(call)
        if question.key not in self._open and len(self._open) >= MAX_OPEN:
            return server.refused("too many calls wait for people; go on without this one")
        self._open.setdefault(question.key, question)
        self.wanted.set()
        return {**server.refused("People are asked about this call. Stop here: you will be told."), "interrupt": True}

    def _note(self, text: str) -> None:
        self._desk.log(LogLine(text, LogLevel.INFO, LogSource.SYSTEM, component="approval"))


class _Asked(msgspec.Struct):
    """A line on the socket."""

    token: str
    call: Call


def _private_folder() -> Path:
    """A new folder that only we may enter, with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="jt-"))
    if len(str(folder)) > MAX_SOCKET_PATH - len("/ask"):
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="jt-", dir="/tmp"))  # with rights 0700
    return folder


def _read(file: Path, generation: int) -> _Memory:
    try:
        memory = msgspec.json.decode(file.read_bytes(), type=_Memory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return _Memory(generation)
    return memory if memory.generation == generation else _Memory(generation)


def _write(file: Path, memory: _Memory) -> None:
    draft = file.with_name(f".{file.name}")
    draft.write_bytes(msgspec.json.encode(memory))
    draft.replace(file)
