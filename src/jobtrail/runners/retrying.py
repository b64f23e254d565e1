"""When a failed attempt is tried again: what its error asks for, and what the policy of its type says of it."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.outcome import Fail
from jobtrail.core.retry import LONGEST, Retry, Verdict, kinds_of
from jobtrail.outgoing.retry_after import retry_after

log = logging.getLogger("jobtrail.runners")

_ASKS_TO_WAIT: Final = frozenset({429, 503})
_STATUS: Final = ("status_code", "status", "code")


def judged(policy: Retry | None, fail: Fail, error: BaseException | None, failures: int) -> Fail:
    """A failure, the job's `failures`-th, with what its policy says of trying again; said already, it stays.

    A time that the error asks for (`retry_after`, or the header of a response 429 or 503) is kept where the job is to be
    tried again at all. Without an error the failure is known by its code.
    """
    if fail.final or fail.retry_in is not None:
        return fail
    verdict = Verdict() if policy is None else _verdict(policy, fail, error, failures)
    asked = None if error is None or verdict.final else asked_wait(error)
    return replace(fail, final=verdict.final, retry_in=verdict.delay if asked is None else asked)


def _verdict(policy: Retry, fail: Fail, error: BaseException | None, failures: int) -> Verdict:
    kinds = (fail.code,) if error is None else (*kinds_of(error), fail.code)
    chance = random.random()  # noqa: S311  (jitter, no secret)
    try:
        return policy.after_failure(failures, kinds, chance, error=error)
    except Exception:
        log.exception("the backoff function of a %s failed; the job waits as its row says", fail.code)
        return Verdict()


def asked_wait(error: BaseException) -> timedelta | None:
    """How long an error asks to wait: by its `retry_after`, or by the response that it carries."""
    asked: Any = getattr(error, "retry_after", None)
    response: Any = getattr(error, "response", None)
    response = error if response is None else response  # httpx and requests carry one, aiohttp and urllib are one
    status = next((value for name in _STATUS if (value := getattr(response, name, None)) is not None), None)
    headers: Any = getattr(response, "headers", None)
    if asked is None and status in _ASKS_TO_WAIT and hasattr(headers, "get"):
        asked = headers.get("Retry-After", headers.get("retry-after"))
    if isinstance(asked, str) and (wait := retry_after(asked, time.time())) is not None:
        return wait
    try:
        return None if asked is None else min(duration.parse(asked), LONGEST)
    except (Invalid, OverflowError):
        return None
