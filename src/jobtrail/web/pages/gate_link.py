"""The page of a link to a gate: one question for one person who has no login. Looking at it decides nothing, for programs
open the links of mails; only its own form does, once."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

from starlette.responses import Response

from jobtrail.core import jsonguard
from jobtrail.core.errors import Conflict, Denied, Invalid, JobtrailError, NotFound, Unsupported
from jobtrail.core.status import GateStatus
from jobtrail.service import gate_links
from jobtrail.service.gate_links import Opened
from jobtrail.store.db import ALL, Scope
from jobtrail.store.wake import ORDERS
from jobtrail.web import reading
from jobtrail.web.pages import filled
from jobtrail.web.pages.fields import fields_of
from jobtrail.web.pages.page import Frame, answer
from jobtrail.web.runtime import Call

MOST_BYTES: Final = 256 << 10
_FORM: Final = "form"
_FORM_MEDIA: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 500
_HEADLINE: Final = 200


async def show_gate_link(call: Call, link: str) -> Response:
    """The question, or why the link opens nothing."""
    _slow_down(call)
    try:
        found = await call.runtime.reads.arun(gate_links.opened(link), Scope.of(ALL))
    except (NotFound, Conflict) as error:
        return _told(call, error)
    return _page(call, found)


async def answer_gate_link(call: Call, link: str) -> Response:
    """Decides, when the page's own form is sent."""
    _slow_down(call)
    if call.request.headers.get("sec-fetch-site", "same-origin") not in ("none", "same-origin"):
        return _told(call, Denied("a page of elsewhere may answer nothing here; open the link, and answer there"))
    posted = await _posted(call)
    said = posted.get("answer", [""])[0]
    try:
        found = await call.runtime.reads.arun(gate_links.opened(link), Scope.of(ALL))
        if said not in ("approve", "reject"):
            return _page(call, found, fault=Invalid("say yes or no", fields={"answer": "missing"}), posted=posted)
        try:
            work = _work(link, found, posted, approve=said == "approve")
            status = await call.across(work)
        except Invalid as error:
            return _page(call, found, fault=error, posted=posted)
    except (NotFound, Conflict, Denied) as error:
        return _told(call, error)
    call.runtime.nudger.nudge([ORDERS])
    return _done(call, approved=said == "approve", status=status)


def _work(link: str, found: Opened, posted: dict[str, list[str]], *, approve: bool) -> Any:
    value = filled.read(fields_of(found.gate.form, _FORM), _FORM, posted) if approve else None
    form = None if value is None else jsonguard.encode(value, at=_FORM).decode()
    comment = jsonguard.clean_text(posted.get("comment", [""])[0], max_bytes=4_096).strip() or None
    sent = posted.get("token", [""])[0]
    return gate_links.decide(link, sent, approve=approve, comment=comment, form=form)


def _slow_down(call: Call) -> None:
    """Whoever tries tokens out is slowed down by their address. Raises TooOften."""
    address = call.request.client.host if call.request.client is not None else ""
    call.runtime.strangers.take(address, "links from this address")


async def _posted(call: Call) -> dict[str, list[str]]:
    """The fields of the form. Raises Unsupported for anything but a form, TooLarge, and Invalid for too many fields."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _FORM_MEDIA:
        raise Unsupported(f"send the form of the page as {_FORM_MEDIA}")
    raw = await reading.body_bytes(call.request, MOST_BYTES)
    try:
        return parse_qs(raw.decode("ascii"), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Invalid("the form cannot be read; send it from the page") from error


def _page(
    call: Call, found: Opened, *, fault: Invalid | None = None, posted: dict[str, list[str]] | None = None
) -> Response:
    given = None
    if posted is not None:
        try:
            given = filled.read(fields_of(found.gate.form, _FORM), _FORM, posted)
        except Invalid:  # what cannot be read is not shown again
            given = None
    question = found.gate.question.strip()
    headline = question.split("\n", 1)[0][:_HEADLINE]
    return _answer(
        call,
        "A question for you",
        200 if fault is None else 422,
        found=found,
        headline=headline,
        whole=None if headline == question else question,
        fields=fields_of(found.gate.form, _FORM, given),
        fault=fault,
        comment=(posted or {}).get("comment", [""])[0],
    )


def _done(call: Call, *, approved: bool, status: GateStatus) -> Response:
    more = " More people are asked; nothing goes on before they have answered." if status is GateStatus.WAITING else ""
    told = f"You said {'yes' if approved else 'no'}, and that is recorded. You can close this page.{more}"
    return _answer(call, "Thank you", 200, told=told)


def _told(call: Call, error: JobtrailError) -> Response:
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Denied) else 410
    title = {404: "This link opens nothing", 403: "This cannot be answered", 410: "This link is done"}[status]
    told = error.message
    return _answer(call, title, status, told=f"{told[:1].upper()}{told[1:]}.")


def _answer(call: Call, title: str, status: int, **said: Any) -> Response:
    frame = Frame(prefix=call.prefix, path="/g/")
    shown = {"found": None, "told": None, "fault": None, "fields": (), "comment": "", **said}
    response = answer(frame, "gate_link.html", title, status=status, **shown)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response  # not packed: there is a secret in it, which the length of a packed page could tell
