"""What limits, rates, breakers, keys, budgets, other jobs and absent workers make a job wait for: the pieces of `why`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from shlex import quote
from typing import Any, Final

from jobtrail.core import shown
from jobtrail.core.facts import Facts
from jobtrail.core.ids import short
from jobtrail.core.limits import rate_text
from jobtrail.core.shown import counted, one_line
from jobtrail.core.spoken import ago, span

_COUNTED: Final = 1_000


def paused(facts: Facts) -> str | None:
    """That all of its workspace is paused, or its queue is."""
    if facts.space_paused_at is not None:
        said = _by(facts.space_paused_by, facts.space_paused_at, facts.space_paused_reason, facts.now)
        return f"All of its workspace was paused{said}; resume it with `jobtrail workspace resume`."
    if facts.paused_at is not None:
        said = _by(facts.paused_by, facts.paused_at, facts.paused_reason, facts.now)
        return f"Its queue {facts.queue} was paused{said}; resume it with `jobtrail queue resume {quote(facts.queue)}`."
    return None


def away(facts: Facts) -> str | None:
    """That all workers that know its type were told to take nothing, or nothing of its queue."""
    if not facts.workers_away or facts.workers_away < facts.workers_of_type:
        return None
    who = f"worker {facts.away_name}" if facts.workers_away == 1 else f"{facts.workers_away} workers"
    if facts.away_drains:
        them = f"jobtrail worker undrain {quote(facts.away_name or '')}"
        return (
            f"Its queue {facts.queue} is served by {who}, draining; let it go on with `{them}`, or start another one."
        )
    them = f"jobtrail queue resume {quote(facts.queue)} --worker {quote(facts.away_name or '')}"
    return f"Its queue {facts.queue} is served by {who}, told to leave it alone; take that back with `{them}`."


def too_large(facts: Facts) -> str | None:
    """That no worker has as many slots as it takes."""
    if facts.most_slots is None or facts.slots <= facts.most_slots:
        return None
    start = f"jobtrail worker start -q {quote(facts.queue)} --slots {facts.slots}"
    return (
        f"It takes {facts.slots} slots, and no worker of its queue {facts.queue} has more than {facts.most_slots}; "
        f"start one with `{start}`."
    )


def held(facts: Facts) -> str | None:
    """The breaker, the limit, the rate or the key that holds it back just now."""
    for limit in facts.limits or ():
        if limit["source"] == "BREAKER":
            return _broken(limit, facts)
        if limit["max_slots"] is not None and limit["taken"] + facts.slots > limit["max_slots"]:
            return _full(limit, facts)
        return _too_fast(limit)
    limit_of_key, running = facts.key_limit, facts.key_running or 0
    if limit_of_key is not None and running >= limit_of_key:
        are = "is" if limit_of_key == 1 else "are"
        return (
            f"It waits until a job with its concurrency key {one_line(facts.concurrency_key, 80)} ends: {running} of "
            f"{limit_of_key} that may run at once {are} running; allow more with "
            f"`{_raise('KEY', facts.concurrency_key or '', limit_of_key * 2 or 1)}`."
        )
    return None


def needs(facts: Facts, *, started: bool) -> str:
    """The jobs that it waits for: those that it depends on, or has started."""
    many, what = facts.needs_open or 0, "that it started" if started else "that it depends on"
    if not many:
        return f"It waits for {'a job' if started else 'jobs'} {what}"
    jobs = counted(many, "job") if many <= _COUNTED else f"more than {_COUNTED} jobs"
    which = f"one of {jobs}" if facts.depends_mode == "ANY" and not started and many > 1 else jobs
    first = "" if many == 1 else "first "
    if facts.need_id is None:
        return f"It waits for {which} {what}"
    state = f"{first}{short(facts.need_id)} ({facts.need_type or 'no longer there'}{_status(facts)})"
    return f"It waits for {which} {what}: {state}, of which `jobtrail job why {short(facts.need_id)}` says more"


def budget(facts: Facts) -> str | None:
    """The budget that it waits for."""
    said: Mapping[str, Any] | None = facts.budget
    if said is None:
        return None
    whose = one_line(_whose(said), 80)
    period = {"DAY": " a day", "MONTH": " a month"}.get(str(said["period"]), "")
    ends = _time(said["ends_at"])
    later = "" if ends is None else f", or it goes on in {span(ends - facts.now)}"
    asked = "" if said["gate_id"] is None else "; people are asked for more, see `jobtrail gate list`"
    amount, more = _amounts(said)
    per = f" --per {str(said['period']).lower()}" if period else ""
    raised = f"jobtrail budget set {quote(whose)} {more}{per}"
    return (
        f"The budget of {whose} ({amount}{period}) leaves nothing for it now{asked}; raise it with `{raised}`{later}."
    )


def estimate(facts: Facts) -> str:
    """When it may start, if jobs go on ending as in the last ten minutes; empty where that would be a guess."""
    if facts.pace is None or facts.pace < 0.5 or not facts.ahead or facts.ahead > 10_000:
        return ""
    return f"; at the pace of the last 10 min it starts in about {span(timedelta(minutes=facts.ahead / facts.pace))}"


def _full(limit: Mapping[str, Any], facts: Facts) -> str:
    scope, name, most = str(limit["scope"]), str(limit["name"]), limit["max_slots"]
    what = "the workspace" if scope == "WORKSPACE" else f"{scope.lower()} {name}"
    jobs = f"{limit['taken']} of {most} slots of {what} are taken"
    wants = "" if facts.slots == 1 else f", and it takes {facts.slots}"
    more = _raise(scope, name, max(most * 2, limit["taken"] + facts.slots)) + _kept_rate(limit)
    return f"It waits because {jobs}{wants} ({_set(limit, facts)}); raise it with `{more}`."


def _too_fast(limit: Mapping[str, Any]) -> str:
    scope, name = str(limit["scope"]), str(limit["name"])
    what = "the workspace" if scope == "WORKSPACE" else f"{scope.lower()} {name}"
    rate = f"{counted(limit['rate_count'], 'job')} in {span(timedelta(seconds=float(limit['rate_seconds'])))}"
    again = limit["again_ms"]
    when = "" if again is None else f"; the next one may start in {span(timedelta(milliseconds=max(again, 0)))}"
    more = f"jobtrail limit set {quote(f'{scope.lower()}:{name}'.rstrip(':'))} --rate"
    per = rate_text(limit["rate_count"] * 2, float(limit["rate_seconds"]))
    per += "" if limit["burst"] is None else f" --burst {limit['burst']}"
    per += "" if limit["max_slots"] is None else f" --slots {limit['max_slots']}"
    return f"It waits because {what} may start {rate} and has{when}, or allow more with `{more} {per}`."


def _broken(limit: Mapping[str, Any], facts: Facts) -> str:
    since = _time(limit["set_at"])
    when = "" if since is None else f" since {ago(since, facts.now)}"
    why = f": {one_line(limit['reason'], 200)}" if limit["reason"] else ""
    close = f"jobtrail type breaker {quote(facts.type)} close"
    return f"The breaker of its type {facts.type} holds its jobs back{when}{why.rstrip('.')}; close it with `{close}`."


def _raise(scope: str, name: str, most: int) -> str:
    """The command that raises a limit to so many slots."""
    if scope == "QUEUE":
        return f"jobtrail queue limit {quote(name)} --slots {most}"
    return f"jobtrail limit set {quote(f'{scope.lower()}:{name}'.rstrip(':'))} --slots {most}"


def _kept_rate(limit: Mapping[str, Any]) -> str:
    """The rate of a limit, to be said again: what is set replaces all of it."""
    if limit["rate_count"] is None:
        return ""
    burst = "" if limit["burst"] is None else f" --burst {limit['burst']}"
    return f" --rate {rate_text(limit['rate_count'], float(limit['rate_seconds']))}{burst}"


def _set(limit: Mapping[str, Any], facts: Facts) -> str:
    at = _time(limit["set_at"])
    by = one_line(str(limit["set_by"]).partition(":")[2] or str(limit["set_by"]), 60)
    return f"limit set by {by}" + ("" if at is None else f" {ago(at, facts.now)}")


def _status(facts: Facts) -> str:
    return "" if facts.need_status is None else f", {facts.need_status}"


def _whose(said: Mapping[str, Any]) -> str:
    """A budget as commands name it."""
    scope = {"WORKSPACE": "workspace", "TREE": "job"}.get(str(said["scope"]), str(said["scope"]).lower())
    return f"{scope}:{said['subject']}".rstrip(":")


def _amounts(said: Mapping[str, Any]) -> tuple[str, str]:
    """How much a budget is, and how to say twice as much."""
    if said["limit_usd"] is not None:
        return f"{float(said['limit_usd']):g} USD", f"--usd {2 * float(said['limit_usd']):g}"
    if said["limit_tokens"] is not None:
        return f"{said['limit_tokens']} tokens", f"--tokens {2 * int(said['limit_tokens'])}"
    seconds = float(said["limit_seconds"])
    return shown.length(seconds), f"--wall {2 * seconds:g}s"


def _by(who: str | None, at: datetime, why: str | None, now: datetime) -> str:
    by = f" by {one_line(who, 60)}" if who else ""
    return f"{by} {ago(at, now)}" + (f": {one_line(why, 300).rstrip('.')}" if why else "")


def _time(text: object) -> datetime | None:
    """A time as JSON has it."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None
