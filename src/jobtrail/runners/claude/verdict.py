"""How an invocation of the program ended, from evidence alone. Pure: what happened goes in, one verdict comes out.

Success is a parsed result line that says so, exit code 0, and no stop of ours; everything else is something else, and has
a code that says what. The one exception is a program that hangs after it has said that all went well, and that we end.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobtrail.core import jsonguard
from jobtrail.process.ended import Ended, Reason, name_of_signal
from jobtrail.runners.claude.facts import ApiRetry, Limited, Result, Said
from jobtrail.runners.claude.limits import is_reached, reset_in

UNKNOWN_RESET = timedelta(minutes=15)
JITTER = timedelta(seconds=60)
_OWN_LIMITS = ("error_max_turns", "error_max_budget_usd", "error_max_structured_output_retries")  # that we gave it
UNAUTHORIZED = 3  # refusals of the key in a row after which no retry will help
MAX_MESSAGE_BYTES = 3_000

LOGIN = (
    "either set ANTHROPIC_API_KEY (or CLAUDE_CODE_OAUTH_TOKEN, which `claude setup-token` makes) where the worker starts, "
    "or set JOBTRAIL_CLAUDE_HOME=user there, to use the login of the user that the worker runs as"
)


class Stop(StrEnum):
    """Why we ended the program ourselves."""

    JOB = "the job is to stop"
    HUNG = "it did not end after its result"
    AUTH = "its key is refused"
    BUDGET = "the budget is used up"
    PEOPLE = "a tool call waits for people"
    IDLE = "it said nothing for too long"


class Kind(StrEnum):
    """What is to follow."""

    DONE = "DONE"
    FAIL = "FAIL"
    WAIT = "WAIT"  # for the quota
    STOPPED = "STOPPED"
    PEOPLE = "PEOPLE"
    FRESH = "FRESH"  # the session to resume is not there: once more, with a fresh one


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of an invocation that is over. `said`: whether a line of JSON came."""

    ended: Ended
    stop: Stop | None = None
    result: Result | None = None
    said: bool = False
    tail: Sequence[str] = ()
    limited: Limited | None = None
    retry: ApiRetry | None = None
    unauthorized: int = 0
    last: Said | None = None  # with an error, if there was one
    wants_structured: bool = False
    people: bool = False  # a tool call waits for people

    @property
    def clean(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.ended.reason is Reason.EXITED and self.ended.exit_code == 0

    @property
    def words(self) -> str:
        """All words that may say what was wrong."""
        result = self.result
        parts = [*(result.errors if result else ()), (result.text or "") if result else ""]
        parts += [self.last.text] if self.last is not None and self.last.error else []
        return "\n".join(dict.fromkeys(part for part in parts if part))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`final`: no further attempt can help. `notes` are said beside the outcome, whatever it is."""

    kind: Kind
    code: str = "ok"
    message: str = ""
    final: bool = False
    timed_out: bool = False
    delay: timedelta | None = None  # WAIT: until the quota is there again. FAIL: instead of the job's backoff
    reset_at: datetime | None = None
    notes: tuple[str, ...] = ()


_PEOPLE = Verdict(kind=Kind.PEOPLE, code="gate", message="a tool call waits for people")


def judge(seen: Evidence, now: datetime, jitter: float = 0.0) -> Verdict:
    """The verdict. `jitter` (0 to 1) spreads those that wait for the same quota."""
    ours = _stopped_by_us(seen)
    if ours is not None:
        return ours
    if seen.people:  # also if it went on without that call and says that it is done
        return _PEOPLE
    if seen.result is not None and seen.result.success:
        return _says_success(seen, seen.result)
    if seen.result is not None and seen.result.subtype in _OWN_LIMITS:
        return _says_failure(seen, seen.result)
    found = _limit(seen, now, jitter) or _api(seen)
    if found is not None:
        return found
    return _without_result(seen) if seen.result is None else _says_failure(seen, seen.result)


def _fail(code: str, message: str, seen: Evidence, *, final: bool = False, timed_out: bool = False) -> Verdict:
    tail = "" if not seen.tail else "\n" + "\n".join(seen.tail)
    text = jsonguard.clean_text(message + tail, max_bytes=MAX_MESSAGE_BYTES)
    return Verdict(kind=Kind.FAIL, code=code, message=text, final=final, timed_out=timed_out)


def _stopped_by_us(seen: Evidence) -> Verdict | None:
    """What we ended, or what could not be started or went over a limit; None if it ended by itself."""
    ended = seen.ended
    match ended.reason:
        case Reason.EXITED:
            return None
        case Reason.NOT_STARTED:
            return _fail("not_started", f"Claude Code could not be started: {ended.message}", seen, final=True)
        case Reason.OOM:
            return _fail("oom", f"Claude Code ran {ended.message}", seen)
        case Reason.CANCELLED if seen.stop is Stop.AUTH:
            return _refused(seen)
        case Reason.CANCELLED if seen.stop is Stop.BUDGET:
            return _fail("budget_exceeded", "stopped: the budget is used up", seen, final=True)
        case Reason.CANCELLED if seen.stop is Stop.PEOPLE:
            return _PEOPLE
        case Reason.CANCELLED if seen.stop not in (Stop.HUNG, Stop.IDLE):
            return Verdict(kind=Kind.STOPPED, code="stopped", message="stopped: the job is to stop")
        case _ if seen.result is not None:
            return _hung(seen, seen.result)
        case Reason.CANCELLED if seen.stop is Stop.IDLE:
            return _fail("idle_timeout", f"Claude Code was stopped: {Stop.IDLE}", seen, timed_out=True)
        case _:
            return _fail("timeout", f"Claude Code was {ended.message}", seen, timed_out=True)


def _hung(seen: Evidence, result: Result) -> Verdict | None:
    """Ended by us after its result: what that says counts, and how it ended is noted."""
    if not result.success:
        return None
    note = "hung_after_result: it had said that all went well, did not end, and was ended by us"
    done = _answered(seen, result)
    return Verdict(kind=done.kind, code=done.code, message=done.message, notes=(note,))


def _says_success(seen: Evidence, result: Result) -> Verdict:
    if seen.clean:
        return _answered(seen, result)
    if (number := _signal_of(seen.ended)) is not None:
        text = f"Claude Code said that all went well, but then died of {name_of_signal(number)}, which we did not send"
        return _fail("signal", text, seen)
    code = seen.ended.exit_code
    return _fail("exit_code", f"Claude Code said that all went well, but ended with exit code {code}", seen)


def _answered(seen: Evidence, result: Result) -> Verdict:
    if seen.wants_structured and not result.has_structured:
        return _fail(
            "empty_result", "Claude Code said that all went well, but gave no answer of the wanted schema", seen
        )
    if not seen.wants_structured and not (result.text or "").strip():
        return _fail("empty_result", "Claude Code said that all went well, but its answer is empty", seen)
    return Verdict(kind=Kind.DONE)


def _limit(seen: Evidence, now: datetime, jitter: float) -> Verdict | None:
    """The limit of a subscription: no failure, for later it goes on."""
    rejected = seen.limited is not None and seen.limited.rejected
    words = seen.words if seen.result is not None else "\n".join([seen.words, *seen.tail])
    if not rejected and not is_reached(words):
        return None
    reset = (seen.limited.resets_at if rejected and seen.limited is not None else None) or reset_in(words, now)
    if reset is None or reset <= now - timedelta(days=1):
        text, delay = "the limit of the subscription is reached; it is not known until when", UNKNOWN_RESET
    else:
        text = f"the limit of the subscription is reached until {reset.isoformat()}"
        delay = max(reset - now, timedelta(0))
    delay += JITTER * min(max(jitter, 0.0), 1.0)
    return Verdict(kind=Kind.WAIT, code="quota", message=text, delay=delay, reset_at=reset)


def _refused(seen: Evidence) -> Verdict:
    said = seen.words or (f"the API answered {seen.retry.status}" if seen.retry is not None else "")
    return _fail(
        "auth", f"Claude Code is not logged in, or its key is refused: {LOGIN}. It said: {said}", seen, final=True
    )


def _api(seen: Evidence) -> Verdict | None:
    """What the API refused."""
    result = seen.result
    error = (seen.last.error if seen.last is not None else None) or ""
    if result is not None and result.subtype != "success" and not error:
        return None  # turns, budget: the words are the agent's, not the API's
    words = seen.words if result is not None else "\n".join([seen.words, *seen.tail])
    status = (result.status if result is not None else None) or _status_in(words)
    for refusal in _REFUSALS:
        if error in refusal.words or status in refusal.statuses or refusal.sentence.search(words):
            if refusal.code == "auth":
                return _refused(seen)
            said = words.strip() or error or f"the API answered {status}"
            return _fail(refusal.code, f"Claude Code got no answer: {said}", seen, final=refusal.final)
    if result is None and seen.unauthorized >= UNAUTHORIZED:
        return _refused(seen)
    return None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A way in which the API refuses: by the program's word for it, by its status, or by its sentence."""

    code: str
    words: frozenset[str]
    statuses: frozenset[int]
    sentence: re.Pattern[str]
    final: bool = True


_REFUSALS = (
    _Refusal(
        "auth",
        frozenset({"authentication_failed", "oauth_org_not_allowed"}),
        frozenset({401, 403}),
        _pattern(
            r"not logged in|please run /login|invalid api key|failed to authenticate|oauth token (has )?(expired|been)"
        ),
    ),
    _Refusal("billing", frozenset({"billing_error"}), frozenset({402}), _pattern(r"credit balance is too low")),
    _Refusal(
        "invalid_request",
        frozenset({"invalid_request", "model_not_found", "max_output_tokens"}),
        frozenset({400, 404, 413, 422}),
        _pattern(r"prompt is too long"),
    ),
    _Refusal(
        "api_error",
        frozenset({"rate_limit", "overloaded", "server_error"}),
        frozenset({408, 409, 425, 429, *range(500, 600)}),
        _pattern(r"^API Error|overloaded_error|connection error"),
        final=False,
    ),
)


def _status_in(words: str) -> int | None:
    found = re.search(r"API Error: ([1-5][0-9]{2})\b", words)
    return int(found[1]) if found else None


_IN_USE = _pattern(r"session id \S+ is already in use")
_NO_SESSION = _pattern(r"no conversation found with session id")
_USAGE = _pattern(
    r"^error: (?:unknown option|option|missing|invalid)|^error: (?:invalid|input must|when using|--)|cannot be used with root"
    r"|is not valid JSON|requires --|config file not found"
)


def _without_result(seen: Evidence) -> Verdict:
    """No result line: what the exit code, the signal and the last words on stderr say."""
    tail = "\n".join(seen.tail)
    ended = seen.ended
    if not seen.said and ended.exit_code not in (None, 0):
        if _IN_USE.search(tail):
            return _fail("session_in_use", "Claude Code did not start, for its session is in use", seen)
        if _NO_SESSION.search(tail):
            return Verdict(kind=Kind.FRESH, code="resume_unknown", message=_first(tail), final=True)
        if any(_USAGE.search(line) for line in seen.tail):
            return _fail("bad_usage", "Claude Code does not take how it was called", seen, final=True)
    if (number := _signal_of(ended)) is not None:
        return _fail("signal", f"Claude Code died of {name_of_signal(number)}, which we did not send", seen)
    if not seen.said and ended.exit_code:
        return _fail("exit_code", f"Claude Code ended with exit code {ended.exit_code} and said nothing", seen)
    text = (
        f"Claude Code ended with exit code {ended.exit_code}, but without a result: what it did is not known to be done"
    )
    return _fail("no_result", text, seen)


def _says_failure(seen: Evidence, result: Result) -> Verdict:
    said = "; ".join(result.errors) or _first(result.text or "") or "no reason was given"
    if _NO_SESSION.search(seen.words):
        return Verdict(kind=Kind.FRESH, code="resume_unknown", message=said, final=True)
    match result.subtype:
        case "error_max_turns":
            return _fail("max_turns", f"{said}; retry the job to let the session go on", seen, final=True)
        case "error_max_budget_usd":
            return _fail("budget_exceeded", said, seen, final=True)
        case "error_max_structured_output_retries":
            return _fail("empty_result", f"the answer never fitted the wanted schema: {said}", seen)
        case "error_during_execution" if (result.terminal_reason or "").startswith("aborted"):
            return _fail("aborted", f"Claude Code was interrupted, not by us: {result.terminal_reason}", seen)
        case _:
            return _fail("agent_error", f"Claude Code failed ({result.subtype}): {said}", seen)


def _signal_of(ended: Ended) -> int | None:
    """What it died of; a program that ends with 128 and the number says so, too."""
    if ended.signal is not None:
        return ended.signal
    number = (ended.exit_code or 0) - 128
    return number if number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT) else None


def _first(text: str) -> str:
    return text.strip().splitlines()[0][:500] if text.strip() else ""
