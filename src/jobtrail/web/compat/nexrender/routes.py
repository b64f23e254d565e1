"""The eight routes of a nexrender server, with the answers that its client and its workers expect."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from starlette.responses import PlainTextResponse

from jobtrail.core import jsonguard
from jobtrail.core.errors import Conflict, Denied, NotFound
from jobtrail.service import jobs, renders
from jobtrail.service.jobs import NewJob
from jobtrail.service.renders import QUEUE, Render, Wanted
from jobtrail.store.identity import new_id
from jobtrail.store.query import Steps, ask, atomic
from jobtrail.web import lenient
from jobtrail.web.compat.nexrender import document, telling
from jobtrail.web.compat.nexrender.document import Document
from jobtrail.web.compat.nexrender.telling import Caller
from jobtrail.web.runtime import Call

MOST_LISTED: Final = 200
_NAME_BYTES: Final = 200


class Selector(msgspec.Struct, frozen=True):
    """Which renders a worker takes."""

    types: Annotated[str, msgspec.Meta(max_length=1_024, description="Types, separated by commas.")] | None = None


class TemplateBody(msgspec.Struct, frozen=True):
    """The project that is rendered; all else that nexrender knows may stand there too."""

    src: Annotated[Any, msgspec.Meta(description="Text: where the project is.")]
    composition: Annotated[Any, msgspec.Meta(description="Text: which part of it is rendered.")]


class RenderBody(msgspec.Struct, frozen=True, kw_only=True):
    """A job as nexrender describes it; all else that nexrender knows may stand there too."""

    template: TemplateBody
    uid: (
        Annotated[str, msgspec.Meta(description="A name of the client's own, which can stand in an address.")] | None
    ) = None
    type: Annotated[Any, msgspec.Meta(description="Text; `default`.")] = None
    tags: Annotated[Any, msgspec.Meta(description="Texts, separated by commas.")] = None
    priority: Annotated[Any, msgspec.Meta(description="A number, usually 0; the bigger the sooner.")] = None


class SaidBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a job; all else that nexrender knows may stand there too."""

    state: Annotated[Any, msgspec.Meta(description="Where the render stands, in nexrender's words.")] = None
    renderProgress: Annotated[Any, msgspec.Meta(description="Percent.")] = None  # noqa: N815  (as nexrender writes it)


class Removed(msgspec.Struct, frozen=True):
    """What nexrender answers, also where there was nothing to remove."""

    id: str
    removed: bool


async def get_nexrender_health(call: Call) -> PlainTextResponse:  # noqa: ARG001  (a handler takes a call)
    """Whether the service is there."""
    return PlainTextResponse("ok")


async def create_render(call: Call, body: dict[str, Any]) -> Document:
    """Create a job of nexrender's. The same uid with the same document is the same job."""
    job_id = new_id()
    uid = document.uid_of(body, job_id)
    job = document.new_job(body, job_id, uid)
    render = await call.write(_accepted(call, job, uid, document.digest_of(body)), QUEUE)
    return document.document(render)


async def list_renders(call: Call) -> list[Document]:
    """The newest 200 of nexrender's jobs, oldest first."""
    return [document.document(one) for one in await call.read(renders.listed(call.workspace, MOST_LISTED))]


async def list_render_statuses(call: Call) -> list[Document]:
    """The same in their short form."""
    return [document.summary(one) for one in await list_renders(call)]


async def get_render(call: Call, uid: str) -> Document:
    """One of nexrender's jobs, by its uid or our id."""
    return document.document(await _found(call, uid))


async def get_render_status(call: Call, uid: str) -> Document:
    """The same in its short form, for those who look often."""
    return document.summary(document.document(await _found(call, uid)))


async def pick_up_render(call: Call, query: Selector) -> Document:
    """Take a job to render it; an empty object when there is none. The worker must say that it has begun within 60 s."""
    return await _pick(call, Wanted(types=_listed(query.types)))


async def pick_up_tagged_render(call: Call, tags: str, query: Selector) -> Document:
    """The same, of those jobs that have one of these tags."""
    return await _pick(call, Wanted(tags=_listed(tags) or (), types=_listed(query.types)))


async def update_render(call: Call, uid: str) -> Document:
    """Say something of a job: how far it is, that it is finished, or failed. Answers it as it stands then.

    What comes too late, or from a worker that has lost the job, changes nothing and is no error: a worker of nexrender's
    stops at an error. Only that it begins is refused where the job is not its own: then it leaves it alone.
    """
    said = await lenient.an_object(call)
    lease_seconds = call.runtime.config.nexrender_lease_seconds
    told = await call.write(telling.told(call.workspace, uid, said, _caller(call), lease_seconds))
    if told.queued:
        call.runtime.nudger.nudge([QUEUE])
    if told.refused is not None:
        raise Conflict(f"job {uid}: {told.refused}")
    return document.document(told.render)


async def remove_render(call: Call, uid: str) -> Removed:
    """Cancel a job and hide it from nexrender's clients; its trail stays.

    One that runs is cancelled when its worker says something next, or is lost.
    """
    await call.write(telling.removed(call.workspace, uid, call.principal.actor), QUEUE)
    return Removed(uid, removed=True)


async def _found(call: Call, uid: str) -> Render:
    render = await call.read(renders.get(call.workspace, uid))
    if render is None or render.removed:
        raise NotFound(f"there is no job {uid!r} here")
    return render


async def _pick(call: Call, wanted: Wanted) -> Document:
    _check_program(call)
    async with call.runtime.claims:
        render = await call.write(telling.picked(call.workspace, _caller(call), wanted))
    return {} if render is None else document.document(render)


def _check_program(call: Call) -> None:
    """A pickup is a GET that changes something, so no browser gets in that another page may have led here. Raises Denied."""
    led = call.request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    if led or call.principal.login_id is not None:
        raise Denied("only programs take renders, with an API key")


@atomic
def _accepted(call: Call, job: NewJob, uid: str, digest: bytes) -> Steps[Render]:
    """Accepts a job under its uid, once."""
    workspace = call.workspace
    if (yield from ask(renders.take_uid(workspace, job.id, uid, digest))) is not None:
        yield from jobs.enqueue(workspace, [job], call.principal.actor).begin()
    render = yield from ask(renders.get(workspace, uid))
    if render is None or render.removed or render.request_sha256 != digest:
        raise Conflict(
            f"there is a job {uid!r} already, and it is another one; give this one another uid, or remove that one"
        )
    return render


def _caller(call: Call) -> Caller:
    """Who comes: nexrender's workers send their name where they have one; else the address must do."""
    request = call.request
    host = request.client.host if request.client is not None else "unknown"
    name = jsonguard.clean_text(request.headers.get("nexrender-name") or host, max_bytes=_NAME_BYTES)
    program = jsonguard.clean_text(request.headers.get("user-agent") or "", max_bytes=_NAME_BYTES)
    return Caller(principal=call.principal, name=name, host=host, program=program)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
