"""How errors and notices are told: on stderr, what happened, and what to do. Never a traceback unless asked for."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Final, TypeVar

from jobtrail.cli import exits
from jobtrail.core.errors import Invalid, JobtrailError

E = TypeVar("E", bound=BaseException)

_FIX: Final = {
    "unavailable": "see that it runs, and that JOBTRAIL_DATABASE_URL or JOBTRAIL_SERVER_URL is right; then `jobtrail doctor`",
    "stale_schema": "jobtrail db up",
    "concurrent_update": "run the command again",
    "unexpected": "run it again with --debug, and report what it prints",
}
"""What helps with every error of a code, when its message does not name a command itself."""


class Usage(Invalid):
    """The command line cannot be read, or asks for what is not done like this."""

    code = "usage"


def notice(line: str) -> None:
    """One line for people on stderr."""
    print(line, file=sys.stderr, flush=True)


def with_fix(error: E, *fixes: str) -> E:
    """The error with what to do about it: `raise with_fix(NotFound(...), "jobtrail job list")`."""
    for fix in fixes:
        error.add_note(fix)
    return error


def tell(error: BaseException, *, output: str, debug: bool) -> int:
    """Shows an error on stderr, as JSON when data is wanted so; answers the exit code."""
    code = exits.of_error(error)
    if code == exits.PIPE_CLOSED:
        return code
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if code == exits.INTERRUPTED:
        notice("interrupted")
        return code
    name, message = _named(error)
    fields = error.fields if isinstance(error, JobtrailError) else {}
    fixes = _fixes(error, name, message)
    if output in ("json", "jsonl"):
        told = {"code": name, "message": message, "fields": fields, "fix": fixes, "exit_code": code}
        notice(json.dumps({"error": told}, ensure_ascii=False))
        return code
    notice(f"error[{name}]: {message}")
    if len(fields) > 1 or any(what not in message for what in fields.values()):
        for field, what in fields.items():
            notice(f"  {field}: {what}")
    for fix in fixes:
        notice(f"  fix: {fix}")
    return code


def tell_usage(message: str, command: str, *, output: str) -> int:
    """Shows that a command line cannot be read."""
    return tell(with_fix(Usage(message), f"{command} --help"), output=output, debug=False)


def _named(error: BaseException) -> tuple[str, str]:
    if isinstance(error, JobtrailError):
        return error.code, error.message
    if isinstance(error, TimeoutError):
        return "pending", str(error) or "the time is over"
    return "unexpected", f"{type(error).__name__}: {error}"


def _fixes(error: BaseException, name: str, message: str) -> list[str]:
    own = list(getattr(error, "__notes__", ()))
    general = _FIX.get(name)
    return own or ([general] if general and "`" not in message else [])
