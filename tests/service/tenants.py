"""A workspace that has something in every table, a word of its own in every free text. For tests of what keeps two apart."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from database import Connection
from scene import ME, TYPE, Scene, ids, new_job

from jobtrail.core.scopes import ApiScope, Role
from jobtrail.core.status import Phase
from jobtrail.service import (
    assets,
    attempts,
    gate_links,
    gates,
    groups,
    jobs,
    keys,
    login_sessions,
    logs,
    memberships,
    projects,
    queues,
    renders,
    signals,
    tasks,
    upkeep,
    usage,
    users,
    waits,
    workers,
    workspaces,
)

MAY = frozenset(ApiScope)
FLOW = (
    (
        "limits (workspace_id, id, scope, name, max_slots, rate_count, rate_seconds, rate_kind, set_by, reason) "
        "values (%(w)s, %(i)s, 'QUEUE', %(t)s, 9, 9, 1, 'TOKEN_BUCKET', %(t)s, %(t)s)"
    ),
    "rate_starts (workspace_id, limit_id, at, number) values (%(w)s, %(i)s, now(), 1)",
    "rate_buckets (workspace_id, limit_id, tokens, at) values (%(w)s, %(i)s, 1, now())",
    "claim_places (workspace_id, queue, of) values (%(w)s, %(t)s, %(t)s)",
    (
        "schedules (workspace_id, id, name, type, expression, zone, input, anchor_at, created_by) "
        "values (%(w)s, %(i)s, %(t)s, %(t)s, '@yearly', 'UTC', to_jsonb(%(t)s::text), now(), %(t)s)"
    ),
    (
        "schedule_ticks (workspace_id, schedule_id, at, last_at, outcome, reason, made_by) "
        "values (%(w)s, %(i)s, now(), now(), 'OVERLAP', %(t)s, %(t)s)"
    ),
    "supersedings (workspace_id, job_id, heir_id, since) values (%(w)s, %(j)s, %(i)s, now())",
    "breakers (workspace_id, type, limit_id, reason, set_by) values (%(w)s, %(t)s, %(i)s, %(t)s, %(t)s)",
    "type_outcomes (workspace_id, type, at) values (%(w)s, %(t)s, now())",
    "budgets (workspace_id, id, scope, subject, limit_usd, created_by) values (%(w)s, %(i)s, 'TYPE', %(t)s, 1, %(t)s)",
    "budget_holds (workspace_id, budget_id, attempt_id, job_id) values (%(w)s, %(i)s, %(i)s, %(j)s)",
    "budget_waits (workspace_id, job_id, budget_id, attempt_id) values (%(w)s, %(j)s, %(i)s, %(i)s)",
    "error_marks (workspace_id, fingerprint, status, note, marked_by) values (%(w)s, %(t)s, 'MUTED', %(t)s, %(t)s)",
)
"""What flow control keeps, however it comes about."""


def fill(conn: Connection, admin: Connection, workspace: UUID, word: str) -> None:
    """Everything that a workspace can have; `word` is made of lower case letters and digits."""
    scene = Scene(conn, workspace)
    scene.do(workspaces.create(workspace, f"{word} ltd", ME))
    _plans(scene, word)
    _lives(scene, word)
    _people(scene, word)
    scene.do(queues.pause(workspace, f"{word}-paused", ME, f"{word} is broken"))
    scene.do(upkeep.measure_queues(datetime.now(UTC).replace(second=0, microsecond=0)))
    _by_hand(admin, workspace, word)


def _plans(scene: Scene, word: str) -> None:
    project, task = ids.new(), ids.new()
    scene.do(projects.create(scene.workspace, project, f"{word} project"))
    new = tasks.NewTask(id=task, title=f"{word} task", project_id=project, description=word, prompt=word,
                        config=_json(word), tags=(word,))  # fmt: skip
    scene.do(tasks.create(scene.workspace, new))
    later = datetime.now(UTC) + timedelta(days=1)
    scene.enqueue(**said(word), unique_key=word, concurrency_key=word, project_id=project, task_id=task)
    scene.enqueue(**said(word), scheduled_at=later, cancel_at=later)
    scene.enqueue(**said(word), checked=True)
    once = new_job(**said(word))
    scene.do(jobs.enqueue_once(scene.workspace, once, ME, f"{word}-once"))
    scene.do(jobs.cancel(scene.workspace, scene.enqueue(**said(word)), ME, f"{word} is not wanted"))


def _lives(scene: Scene, word: str) -> None:
    worker = scene.new_worker(queues=(word,), workspace=scene.workspace)
    scene.conn.execute(
        "update jobtrail.workers set name = %s, host = %s, version = %s where id = %s", (word, word, word, worker)
    )
    asks, fails, ends, runs = (scene.start(worker=worker, queue=f"{word}-{n}", **_rest(word)) for n in range(4))
    gate = scene.ask(asks, f"{word}?", needed=2, expires=None)
    scene.do(gates.decide(scene.workspace, gate, ME, approve=True, comment=word, form=_json(word).decode()))
    scene.do(gate_links.make(scene.workspace, gate, ids.new(), word, word.encode(), timedelta(days=1), ME))
    scene.do(groups.create(scene.workspace, word, ME))
    scene.do(groups.add(scene.workspace, word, word, ME))
    scene.do(attempts.fail(attempts.Failed(fails, word, f"{word} went wrong", f"in {word}")))
    step = scene.finished_step(ends, f"{word} step", _json(word).decode())
    body = msgspec.json.encode({"level": "INFO", "message": word}).decode()
    scene.do(logs.append([logs.NewChunk(ends, step, 1, 1, ("INFO",), (word,), body)]))
    scene.do(usage.book(ends, 1, usage.Call(provider=word, model=word, price_source=word), step))
    measured = usage.Measured(workspace_id=scene.workspace, type=word, name=word, value=1, unit=word, queue=word)
    scene.do(usage.measure(worker, [measured]))
    digest = hashlib.sha256(word.encode()).hexdigest()
    scene.do(
        assets.keep(ends, assets.NewAsset(id=ids.new(), name=word, byte_size=9, sha256=digest, storage_key=digest))
    )
    scene.complete(ends, _json(word).decode())
    scene.step(runs, f"{word} step")
    scene.do(attempts.progress(runs, 40, word))
    scene.do(signals.signal(scene.workspace, runs.job_id, word, _json(word), ME))
    scene.do(signals.open_callback(*runs.named, word, word.encode(), timedelta(days=1)))
    scene.do(renders.take_uid(scene.workspace, runs.job_id, word, word.encode()))
    scene.do(renders.say(scene.workspace, runs.job_id, _json(word).decode()))
    scene.do(workers.heartbeat(worker))
    naps = scene.start(worker=worker, queue=f"{word}-0", **_rest(word))
    scene.do(waits.begin(naps, ids.new(), word, word, Phase.EXECUTION, waits.Wanted(signal=word)))
    waiting = new_job(**said(word))._replace(after=(runs.job_id,))  # looked at once more: a settlement
    scene.do(jobs.enqueue(scene.workspace, [waiting], ME))


def _people(scene: Scene, word: str) -> None:
    user = scene.do(users.create(ids.new(), f"{word}@example.org", f"{word} smith", f"{word}" * 10, ME)).id
    scene.do(memberships.add(scene.workspace, user, Role.OWNER, ME, MAY))
    new = keys.NewKey(
        id=ids.new(), name=word, secret_hash=hashlib.sha256(word.encode()).digest(), scopes=MAY, user_id=user
    )
    scene.do(keys.create(scene.workspace, new, ME, MAY))
    token = hashlib.sha256(f"{word} token".encode()).digest()
    scene.do(login_sessions.begin(user, token, login_sessions.IDLE, id=ids.new(), address=word))
    scene.do(login_sessions.failed(f"{word}@example.org", word))


def _by_hand(admin: Connection, workspace: UUID, word: str) -> None:
    """What only upkeep makes, or leaves behind."""
    seal = "workspace_id, number, after_txid, up_to_txid, first_at, last_at, events, parts, root, previous, signature"
    delivery = "workspace_id, id, webhook_id, job_id, seq, event, event_at, delivery_job_id, error"
    told = "workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload"
    job = admin.execute("select id from jobtrail.jobs where workspace_id = %s limit 1", (workspace,)).fetchone()
    assert job is not None
    for into in (
        (
            "webhooks (workspace_id, id, url, events, secret, description, created_by) "
            "values (%(w)s, %(i)s, 'https://' || %(t)s, '{*}', %(t)s, %(t)s, %(t)s)"
        ),
        f"webhook_deliveries ({delivery}) values (%(w)s, %(i)s, %(i)s, %(j)s, 1, %(t)s, now(), %(i)s, %(t)s)",
        f"seals ({seal}) values (%(w)s, 1, 0, 1, now(), now(), 1, to_jsonb(%(t)s::text), %(t)s::text::bytea, '', '')",
        (
            "tombstones (workspace_id, job_id, last_seq, trail_hash, first_at, last_at) "
            "values (%(w)s, %(i)s, 1, %(t)s::text::bytea, now(), now())"
        ),
        f"administration_events ({told}) values (%(w)s, 'key.created', 'user', %(t)s, 'key', %(t)s, to_jsonb(%(t)s::text))",
        "upkeep_leases values (%(t)s, %(i)s, now())",
        *FLOW,
    ):
        params = {"w": workspace, "i": ids.new(), "j": job[0], "t": word}
        params["i"] = UUID(hashlib.md5(workspace.bytes, usedforsecurity=False).hexdigest())
        admin.execute(f"insert into jobtrail.{into}".encode(), params)
    admin.execute("update jobtrail.webhook_dispatcher set job_id = %s", job)


def said(word: str) -> dict[str, Any]:
    """What a job has of free text."""
    return {"queue": word, **_rest(word)}


def _rest(word: str) -> dict[str, Any]:
    return {"title": f"{word} title", "tags": (word,), "input": _json(word), "type": TYPE}


def _json(word: str) -> bytes:
    return msgspec.json.encode({"word": word})
