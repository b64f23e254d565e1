"""The input of a `claude` job: its fields, what they mean, and what is wrong with one that cannot be run. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, field

from jobtrail.core import duration
from jobtrail.core.config import PREFIX
from jobtrail.core.errors import Invalid
from jobtrail.core.redact import parse_reference
from jobtrail.runners.claude import checks as checks_of
from jobtrail.runners.claude import permission, worktree
from jobtrail.runners.claude.checks import Check
from jobtrail.runners.claude.permission import Approval
from jobtrail.runners.claude.worktree import Worktree
from jobtrail.runners.pipeline.fields import Problems, below, read
from jobtrail.runners.pipeline.model import EnvValue, Span

DESCRIPTION = (
    "Runs Claude Code without a terminal: a prompt goes in, and an answer, its cost and everything that was done come out. "
    "The program must be installed where the worker runs."
)
MAX_PROMPT_BYTES = 512 << 10
MAX_ARGUMENT_BYTES = 100 << 10  # Linux takes 128 KiB
MAX_CONTINUATIONS = 20

Mode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions", "auto"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]

NOT_FOR_AGENTS = "is one of jobtrail's own settings, some of which are keys: no agent gets it"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"JOBTRAIL_|CLAUDE_CONFIG_DIR$|HOME$")


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the job may use over all of its attempts. The program looks after each call of the model, so it ends a bit above."""

    usd: Annotated[Decimal | None, Meta(description="US dollars, by the program's own estimate.")] = None
    tokens: Annotated[int | None, Meta(description="Tokens that are read and written, those of caches included.")] = (
        None
    )
    turns: Annotated[int | None, Meta(description="Answers of the model.")] = None
    seconds: Annotated[float | None, Meta(description="Seconds of work, without the time that the job waits.")] = None
    warn_at: Annotated[float, Meta(description="At which part of it `budget.warned` is told, once.")] = 0.8
    on_exceeded: Annotated[
        Literal["stop", "ask"], Meta(description="`stop` fails the job; `ask` asks people for more, and waits.")
    ] = "stop"


class ClaudeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The input of a job of type `claude`."""

    prompt: Annotated[str, Meta(description="What the agent is to do.")]
    model: Annotated[str | None, Meta(description="The model, by its name or alias.")] = None
    fallback_model: Annotated[str | None, Meta(description="The model to take when the first is overloaded.")] = None
    effort: Annotated[Effort | None, Meta(description="How much the model thinks.")] = None
    permission_mode: Annotated[
        Mode,
        Meta(description="What the agent may do unasked. `default` refuses what needs asking; see `approve_tools`."),
    ] = "default"
    allowed_tools: Annotated[
        list[str], Meta(description='Tools that may be used unasked, by rules such as "Read" or "Bash(git *)".')
    ] = field(default_factory=list)
    disallowed_tools: Annotated[list[str], Meta(description="Tools that may never be used, by the same rules.")] = (
        field(default_factory=list)
    )
    tools: Annotated[list[str] | None, Meta(description="The built-in tools that there are; empty: none.")] = None
    mcp_servers: Annotated[
        dict[str, dict[str, Any]],
        Meta(description='MCP servers by name, as in .mcp.json. A secret is written {"env": "NAME"}.'),
    ] = field(default_factory=dict)
    strict_mcp_config: Annotated[bool, Meta(description="Whether only these MCP servers are used.")] = False
    system_prompt: Annotated[str | None, Meta(description="Takes the place of the program's own system prompt.")] = None
    append_system_prompt: Annotated[str | None, Meta(description="Is added to the system prompt.")] = None
    agents: Annotated[dict[str, dict[str, Any]] | None, Meta(description="Sub-agents, as the program takes them.")] = (
        None
    )
    settings: Annotated[dict[str, Any] | None, Meta(description="Settings, as in settings.json.")] = None
    max_turns: Annotated[int | None, Meta(description="The most answers of the model in one invocation.")] = None
    resume: Annotated[str | None, Meta(description="The session of another job to go on with.")] = None
    fork: Annotated[bool, Meta(description="With `resume`: leave that session as it is, and go on in a copy.")] = False
    add_dirs: Annotated[list[str], Meta(description="Further folders that the tools may use.")] = field(
        default_factory=list
    )
    json_schema: Annotated[
        dict[str, Any] | None, Meta(description="The schema of the answer; it is then in `structured` of the result.")
    ] = None
    cwd: Annotated[
        str | None, Meta(description="Where the agent works: a folder on the worker's machine. None: an empty one.")
    ] = None
    env: Annotated[dict[str, EnvValue], Meta(description='More environment. {"env": "NAME"} is a secret.')] = field(
        default_factory=dict
    )
    worktree: Annotated[
        Worktree | bool, Meta(description="Work in a git worktree of the repository in `cwd`, on a branch of its own.")
    ] = False
    checks: Annotated[
        list[Check], Meta(description="Commands that must pass once the agent is done; what fails goes back to it.")
    ] = field(default_factory=list)
    max_continuations: Annotated[int, Meta(description="How often the agent is sent back to mend what failed.")] = 3
    approve_tools: Annotated[
        Approval | bool, Meta(description="Ask people about tool calls that would otherwise be refused.")
    ] = False
    budget: Annotated[Budget | None, Meta(description="What the job may use in all.")] = None
    idle_timeout: Annotated[
        Span, Meta(description="How long the program may say nothing; ten minutes more while a tool works.")
    ] = "10m"
    result_grace: Annotated[Span, Meta(description="How long it may live on after its result.")] = "30s"

    @property
    def tree(self) -> Worktree | None:
        """How the worktree is made, if there is to be one."""
        return Worktree() if self.worktree is True else self.worktree or None

    @property
    def approval(self) -> Approval | None:
        """Who is asked about tool calls, if anybody is."""
        return Approval() if self.approve_tools is True else self.approve_tools or None

    @property
    def idle(self) -> timedelta:
        """How long the program may say nothing."""
        return duration.parse(self.idle_timeout)

    @property
    def grace(self) -> timedelta:
        """How long it may live on after its result."""
        return duration.parse(self.result_grace)


def schema() -> dict[str, Any]:
    """The JSON schema of the input."""
    return msgspec.json.schema(ClaudeSpec)


def parse(data: object) -> ClaudeSpec:
    """The spec of an input. Raises Invalid with all fields that are wrong."""
    problems: Problems = {}
    spec = read(ClaudeSpec, data, "", problems)
    if spec is not None:
        problems.update(_faults(spec))
    if spec is None or problems:
        raise Invalid(f"this claude job cannot be run: {_told(problems)}", fields=problems)
    return spec


def _told(problems: Mapping[str, str]) -> str:
    return "; ".join(f"{at}: {wrong}" for at, wrong in problems.items())


def _faults(spec: ClaudeSpec) -> Problems:
    """What the types alone do not say."""
    found: Problems = {}
    if not spec.prompt.strip():
        found["prompt"] = "must not be blank"
    elif len(spec.prompt.encode("utf-8", "surrogatepass")) > MAX_PROMPT_BYTES:
        found["prompt"] = f"must be at most {MAX_PROMPT_BYTES} bytes; put the rest into a file that the agent reads"
    found |= _faults_of_words(spec)
    found |= _faults_of_session(spec)
    found |= _faults_of_env(spec)
    if spec.max_turns is not None and spec.max_turns < 1:
        found["max_turns"] = "must be at least 1"
    if not 0 <= spec.max_continuations <= MAX_CONTINUATIONS:
        found["max_continuations"] = f"must be 0 to {MAX_CONTINUATIONS}"
    for name in ("idle_timeout", "result_grace"):
        try:
            if not duration.parse(getattr(spec, name)):
                found[name] = "must be longer than nothing"
        except Invalid as error:
            found[name] = error.message
    if spec.budget is not None:
        found |= _faults_of_budget(spec.budget)
    if spec.tree is not None:
        found |= worktree.faults(spec.tree, "worktree")
        if spec.cwd is None:
            found["cwd"] = "is needed for a worktree: the folder of the repository"
    if spec.approval is not None:
        found |= permission.faults(spec.approval, "approve_tools")
    return {**found, **checks_of.faults(spec.checks, "checks")}


def _faults_of_words(spec: ClaudeSpec) -> Problems:
    """Words that become arguments of the program must not be taken for its options."""
    found: Problems = {}
    for name in ("model", "fallback_model"):
        word = getattr(spec, name)
        if word is not None and (not word.strip() or word.startswith("-")):
            found[name] = "must be the name of a model"
    for name in ("allowed_tools", "disallowed_tools", "tools", "add_dirs"):
        for i, word in enumerate(getattr(spec, name) or ()):
            if not word.strip() or word.startswith("-") or "\0" in word:
                found[below(name, i)] = "must not be blank or begin with a dash"
    for name in ("system_prompt", "append_system_prompt", "prompt", "cwd"):
        if "\0" in (getattr(spec, name) or ""):
            found[name] = "must not contain a NUL"
    for name in ("system_prompt", "append_system_prompt", "agents", "json_schema"):
        value = getattr(spec, name)
        if value is not None and len(msgspec.json.encode(value)) > MAX_ARGUMENT_BYTES:
            found[name] = f"must be at most {MAX_ARGUMENT_BYTES} bytes, for it becomes an argument of the program"
    for name, server in spec.mcp_servers.items():
        if not ("command" in server or "url" in server):
            found[below("mcp_servers", name)] = "must have a `command` or a `url`"
        found |= _wrong_references(server, below("mcp_servers", name))
    return found


def _wrong_references(value: object, at: str) -> Problems:
    """References to secrets that cannot be any, however deep they lie."""
    try:
        if (name := parse_reference(value)) is not None:
            return {at: NOT_FOR_AGENTS} if name.startswith(PREFIX) else {}
    except Invalid as error:
        return {at: error.message}
    found: Problems = {}
    if isinstance(value, Mapping):
        for key, each in value.items():
            found |= _wrong_references(each, below(at, str(key)))
    elif isinstance(value, list):
        for i, each in enumerate(value):
            found |= _wrong_references(each, below(at, i))
    return found


def _faults_of_session(spec: ClaudeSpec) -> Problems:
    found: Problems = {}
    if spec.resume is not None:
        try:
            UUID(spec.resume)
        except ValueError:
            found["resume"] = "must be the id of a session, as in `session_id` of a result"
    elif spec.fork:
        found["fork"] = "is for `resume`: name the session to copy"
    return found


def _faults_of_env(spec: ClaudeSpec) -> Problems:
    found: Problems = {}
    for name, value in spec.env.items():
        at = below("env", name)
        if not _NAME.fullmatch(name):
            found[at] = "is not the name of an environment variable"
        elif _OURS.match(name):
            found[at] = "is set by the worker; see JOBTRAIL_CLAUDE_HOME"
        elif isinstance(value, str) and "\0" in value:
            found[at] = "must not contain a NUL"
        elif not isinstance(value, str) and not _NAME.fullmatch(value.env):
            found[at] = "must name an environment variable of the worker"
        elif not isinstance(value, str) and value.env.startswith(PREFIX):
            found[at] = NOT_FOR_AGENTS
    return found


def _faults_of_budget(budget: Budget) -> Problems:
    found: Problems = {}
    limits = {"usd": budget.usd, "tokens": budget.tokens, "turns": budget.turns, "seconds": budget.seconds}
    for name, limit in limits.items():
        if limit is not None and not 0 < limit < 10**12:
            found[f"budget.{name}"] = "must be more than nothing"
    if all(limit is None for limit in limits.values()):
        found["budget"] = "must limit something: usd, tokens, turns or seconds"
    if not 0 < budget.warn_at <= 1:
        found["budget.warn_at"] = "must be above 0 and at most 1"
    return found
