"""Tenants do not see each other, and the application may do no more than its rights say: for every table there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from database import Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, fence_of, ids, new_job
from service.people import key, person

from jobtrail.core.breaker import BreakerMode
from jobtrail.core.errors import Misconfigured
from jobtrail.core.schedules import NewSchedule
from jobtrail.core.scopes import Role
from jobtrail.core.status import Phase, StepType
from jobtrail.service import (
    assets,
    attempts,
    breakers,
    gate_links,
    gates,
    groups,
    jobs,
    logs,
    queues,
    renders,
    schedules,
    signals,
    ticking,
    upkeep,
    usage,
)
from jobtrail.service import waits as waiting
from jobtrail.store.db import Scope, run, translated

OTHER = UUID("00000000-0000-7000-8000-0000000000bb")
GLOBAL = {
    "upkeep_leases", "migrations", "sealer", "webhook_dispatcher",
    "users", "passwords", "login_sessions", "login_failures",
}  # fmt: skip
"""Tables of the installation, not of a tenant."""
SHARED = {"workers"}
"""Tables of which a row without a workspace serves all, who see it and cannot change it."""

TABLES = (
    "select c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, exists (select from pg_attribute a "
    "where a.attrelid = c.oid and a.attname = 'workspace_id') from pg_class c "
    "where c.relnamespace = 'jobtrail'::regnamespace and c.relkind in ('r', 'p') order by 1"
)


@pytest.fixture
def tenants(database: Database, conn: Connection, admin: Connection) -> Iterator[dict[UUID, Connection]]:
    """Two workspaces that have something in every table, and a connection for each."""
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    for workspace in (WORKSPACE, OTHER):
        fill(conn, workspace)
        fill_by_hand(admin, workspace)
    with closing(database.connect(str(WORKSPACE))) as ours, closing(database.connect(str(OTHER))) as theirs:
        yield {WORKSPACE: ours, OTHER: theirs}


def fill(conn: Connection, workspace: UUID) -> None:
    """Something of every noun that a verb can make."""
    scene = Scene(conn, workspace)
    scene.do(jobs.enqueue_once(workspace, new_job(), ME, "k"))
    waits = scene.start(queue=f"q{workspace.int % 97}")
    gate = scene.ask(waits, needed=2, expires=None)
    scene.do(gates.decide(workspace, gate, ME, approve=True))
    scene.do(gate_links.make(workspace, gate, ids.new(), "ben", bytes(32), timedelta(days=1), ME))
    scene.do(groups.create(workspace, "editors", ME))
    scene.do(groups.add(workspace, "editors", "ann", ME))
    sleeps = scene.start(queue=f"s{workspace.int % 97}")
    scene.do(waiting.begin(sleeps, ids.new(), "nap", "nap", Phase.EXECUTION, waiting.Wanted(seconds=9e4)))
    done = scene.start(queue=f"d{workspace.int % 97}")
    step = scene.step(done, "render", type=StepType.COMMAND)
    scene.do(logs.append([logs.NewChunk(done, step, 1, 1, ("INFO",), (), "{}")]))
    scene.do(usage.book(done, 1, usage.Call(provider="p", model="m"), step))
    scene.do(usage.measure(scene.worker, [usage.Measured(workspace_id=workspace, type="t", name="n", value=1)]))
    scene.do(assets.keep(done, assets.NewAsset(id=ids.new(), name="n", byte_size=1, sha256="0" * 64, storage_key="k")))
    scene.do(signals.signal(workspace, done.job_id, "told", b"1", ME))
    scene.do(signals.open_callback(*done.named, "called", b"s", timedelta(days=1)))
    scene.do(renders.take_uid(workspace, done.job_id, "uid", b""))
    scene.complete(done, "{}")
    scene.step(scene.start(queue=f"r{workspace.int % 97}"), "render")
    scene.enqueue(cancel_at=scene.job(done.job_id).updated_at.replace(year=2100))
    scene.enqueue(checked=True)
    scene.do(jobs.enqueue(workspace, [new_job()._replace(after=(waits.job_id,))], ME))
    new = NewSchedule(id=ids.new(), name="s", type="demo", expression="@daily")
    made = scene.do(schedules.create(workspace, new, ME, {"demo"}))
    scene.do(ticking.run_now(workspace, made.id, ids.many, ME))
    scene.new_worker(workspace=workspace)
    scene.do(queues.pause(workspace, "default", ME))
    scene.do(upkeep.measure_queues(scene.job(done.job_id).updated_at.replace(second=0, microsecond=0)))
    scene.do(breakers.put(workspace, "t", BreakerMode.AUTO, ME, ids.new()))
    scene.do(breakers.tell([breakers.Outcomes(workspace, "t", failed=1)]))
    scene.do(jobs.enqueue(workspace, [new_job(unique_key="u", on_conflict="REPLACE") for _ in range(2)], ME))
    key(scene, workspace=workspace, user_id=person(scene, f"p{workspace.int % 97}", Role.OWNER, workspace))


def fill_by_hand(admin: Connection, workspace: UUID) -> None:
    """What only upkeep, or no verb yet, makes."""
    seal = "workspace_id, number, after_txid, up_to_txid, first_at, last_at, events, parts, root, previous, signature"
    delivery = "workspace_id, id, webhook_id, job_id, seq, event, event_at, delivery_job_id"
    stone = "workspace_id, job_id, last_seq, trail_hash, first_at, last_at"
    for into in (
        "error_marks (workspace_id, fingerprint, status, marked_by) values (%(w)s, 'fp_00000000', 'MUTED', 'user:me')",
        "projects (workspace_id, id, name) values (%(w)s, gen_random_uuid(), 'p')",
        "tasks (workspace_id, id, title) values (%(w)s, gen_random_uuid(), 't')",
        "webhooks (workspace_id, id, url, events, secret, created_by) values (%(w)s, %(w)s, 'https://x.org', '{*}', '', '')",
        f"webhook_deliveries ({delivery}) values (%(w)s, %(w)s, %(w)s, %(w)s, 1, 'job.created', now(), %(w)s)",
        f"seals ({seal}) values (%(w)s, 1, 0, 1, now(), now(), 1, '[]', '', '', '')",
        f"tombstones ({stone}) values (%(w)s, gen_random_uuid(), 1, '', now(), now())",
        "limits (workspace_id, id, scope, name, max_slots, set_by) values (%(w)s, %(w)s, 'QUEUE', 'q', 1, 'user:me')",
        "rate_starts (workspace_id, limit_id, at, number) values (%(w)s, %(w)s, now(), 1)",
        "rate_buckets (workspace_id, limit_id, tokens, at) values (%(w)s, %(w)s, 1, now())",
        "claim_places (workspace_id, queue, of, rank, job_id) values (%(w)s, 'q', '=', 1, %(w)s)",
        "budgets (workspace_id, id, scope, limit_usd) values (%(w)s, %(w)s, 'WORKSPACE', 1)",
        (
            "budget_holds (workspace_id, budget_id, attempt_id, job_id) "
            "select workspace_id, %(w)s, id, id from jobtrail.jobs where workspace_id = %(w)s limit 1"
        ),
        (
            "budget_waits (workspace_id, budget_id, attempt_id, job_id) "
            "select workspace_id, %(w)s, id, id from jobtrail.jobs where workspace_id = %(w)s limit 1"
        ),
    ):
        admin.execute(f"insert into jobtrail.{into}".encode(), {"w": workspace})


def test_every_table_of_tenants_has_forced_row_level_security(admin: Connection) -> None:
    for name, enabled, forced, _, of_tenants in admin.execute(TABLES.encode()).fetchall():
        if of_tenants or name == "workspaces":
            assert enabled and forced, f"{name} is open to other tenants"
        else:
            assert name in GLOBAL, f"{name} belongs to nobody: give it a workspace_id, or name it here"


def test_a_day_that_comes_is_protected_like_the_others(admin: Connection, conn: Connection) -> None:
    run(conn, upkeep.make_partitions(40), SERVES_ALL)
    days = [row for row in admin.execute(TABLES.encode()).fetchall() if row[3]]
    assert len(days) > 3 * 40
    assert all(enabled and forced for _, enabled, forced, _, _ in days)


def of_tenants(admin: Connection) -> list[str]:
    rows = admin.execute(TABLES.encode()).fetchall()
    return [name for name, _, _, partition, owned in rows if owned and not partition]


def test_a_tenant_sees_its_own_and_nothing_else(tenants: dict[UUID, Connection], admin: Connection) -> None:
    for table in of_tenants(admin):
        for workspace, conn in tenants.items():
            seen = conn.execute(f"select distinct workspace_id from jobtrail.{table}".encode()).fetchall()
            shared = {(None,)} if table in SHARED else set()
            assert set(seen) - shared == {(workspace,)}, f"{table}, seen from {workspace}"
    for workspace, conn in tenants.items():
        assert conn.execute("select id from jobtrail.workspaces").fetchall() == [(workspace,)]


def test_who_speaks_for_nobody_sees_nothing(
    database: Database, tenants: dict[UUID, Connection], admin: Connection
) -> None:
    with closing(database.connect(None)) as conn:
        for table in (*of_tenants(admin), "workspaces"):
            assert conn.execute(f"select count(*) from jobtrail.{table}".encode()).fetchone() == (0,), table


def test_the_owner_is_bound_too(database: Database, tenants: dict[UUID, Connection], admin: Connection) -> None:
    with closing(psycopg.connect(database.owner_url, autocommit=True)) as owner:
        for table in (*of_tenants(admin), "workspaces"):
            assert owner.execute(f"select count(*) from jobtrail.{table}".encode()).fetchone() == (0,), table


def test_a_tenant_cannot_write_for_another(tenants: dict[UUID, Connection], admin: Connection) -> None:
    """Neither a new row nor a row of its own that it gives away."""
    ours = tenants[WORKSPACE]
    for table in of_tenants(admin):
        columns = writable(admin, table)
        which = BORN_SO.get(table, "true")
        taken = f"select {', '.join(['%(w)s::uuid', *columns[1:]])} from jobtrail.{table} where {which} limit 1"
        insert = f"insert into jobtrail.{table} ({', '.join(columns)}) {taken}"
        for attack in (insert, f"update jobtrail.{table} set workspace_id = %(w)s"):
            with pytest.raises(psycopg.DatabaseError) as refused:
                ours.execute(attack.encode(), {"w": OTHER})
            assert refused.value.sqlstate in ("42501", "JT002"), f"{attack}: {refused.value}"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        ours.execute(
            "insert into jobtrail.jobs (workspace_id, id, type, status) values (%s, %s, 'x', 'QUEUED')",
            (OTHER, ids.new()),
        )


BORN_SO = {"attempts": "ended_at is null", "steps": "status = 'RUNNING'"}
"""Rows that could be new: else another rule refuses them before row-level security does."""


def writable(admin: Connection, table: str) -> list[str]:
    query = (
        "select attname from pg_attribute where attrelid = ('jobtrail.' || %s)::regclass and attnum > 0 "
        "and not attisdropped order by attname <> 'workspace_id', attnum"
    )
    return [row[0] for row in admin.execute(query.encode(), (table,)).fetchall()]


def test_a_tenants_updates_and_deletions_do_not_reach_another(
    tenants: dict[UUID, Connection], admin: Connection
) -> None:
    ours = tenants[WORKSPACE]
    before = {table: count(admin, table) for table in of_tenants(admin)}
    ours.execute("update jobtrail.jobs set event = 'job.updated', title = 'mine' where workspace_id = %s", (OTHER,))
    for table in ("ready", "timers", "queue_stats", "idempotency_keys"):
        ours.execute(f"delete from jobtrail.{table} where workspace_id = %s".encode(), (OTHER,))
    assert {table: count(admin, table) for table in of_tenants(admin)} == before
    assert admin.execute("select count(*) from jobtrail.jobs where title = 'mine'").fetchone() == (0,)


def count(admin: Connection, table: str) -> object:
    query = f"select count(*) from jobtrail.{table} where workspace_id = %s"
    return admin.execute(query.encode(), (OTHER,)).fetchone()


def test_a_thing_of_another_workspace_is_not_there(tenants: dict[UUID, Connection], conn: Connection) -> None:
    """A verb that names the other workspace, through a scope of our own, finds nothing."""
    theirs = run(conn, jobs.listed(OTHER, jobs.Filter()), SERVES_ALL)
    assert theirs
    ours = tenants[WORKSPACE]
    for job in theirs:
        assert run(ours, jobs.get(OTHER, job.id), Scope(str(WORKSPACE), standing=True)) is None
        assert run(ours, jobs.get(WORKSPACE, job.id), Scope(str(WORKSPACE), standing=True)) is None


def test_one_id_in_two_workspaces_is_two_jobs(conn: Connection) -> None:
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    wanted = new_job()
    for workspace in (WORKSPACE, OTHER):
        run(conn, jobs.enqueue(workspace, [wanted], ME), SERVES_ALL)
    scene = Scene(conn)
    claimed = scene.claim(9)
    assert {one.workspace_id for one in claimed} == {WORKSPACE, OTHER}
    assert len({one.attempt_id for one in claimed}) == 2
    mine = next(one for one in claimed if one.workspace_id == WORKSPACE)
    assert scene.complete(fence_of(mine, scene.worker)) == []
    assert run(conn, jobs.get(OTHER, wanted.id), SERVES_ALL).status == "RUNNING"  # type: ignore[union-attr]


FORBIDDEN = {
    "writing an event": "insert into jobtrail.events select * from jobtrail.events limit 1",
    "changing an event": "update jobtrail.events set type = 'x'",
    "deleting an event": "delete from jobtrail.events",
    "emptying the trail": "truncate jobtrail.events",
    "deleting a job": "delete from jobtrail.jobs",
    "emptying the jobs": "truncate jobtrail.jobs cascade",
    "deleting an attempt": "delete from jobtrail.attempts",
    "deleting a step": "delete from jobtrail.steps",
    "deleting a result": "delete from jobtrail.results",
    "changing usage": "update jobtrail.usage set cost_usd = 0",
    "changing a file": "update jobtrail.assets set sha256 = repeat('0', 64)",
    "changing a decision": "update jobtrail.gate_decisions set approved = true",
    "forgetting a decision": "delete from jobtrail.gate_decisions",
    "changing a log": "update jobtrail.log_chunks set body = ''",
    "changing what administrators did": "update jobtrail.administration_events set actor_id = 'x'",
    "forgetting what administrators did": "delete from jobtrail.administration_events",
    "deleting a key": "delete from jobtrail.api_keys",
    "deleting a person": "delete from jobtrail.users",
    "changing a seal": "update jobtrail.seals set signature = ''",
    "deleting a tombstone": "delete from jobtrail.tombstones",
    "making a tombstone": "insert into jobtrail.tombstones select * from jobtrail.tombstones",
    "stopping a trigger": "alter table jobtrail.jobs disable trigger all",
    "replacing the clock": "create or replace function jobtrail.clock() returns timestamptz language sql as 'select now()'",
    "opening the rows": "alter table jobtrail.jobs no force row level security",
    "a table of its own": "create table jobtrail.mine (x int)",
    "a replica's blindness": "set session_replication_role = replica",
    "another role": "set role jobtrail_owner",
    "forging migrations": "update jobtrail.migrations set sha256 = ''",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_application_has_no_right_to(tenants: dict[UUID, Connection], conn: Connection, what: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        conn.execute(FORBIDDEN[what].encode())
    assert isinstance(translated(refused.value), Misconfigured)


def test_no_day_is_reached_by_its_own_name(conn: Connection, admin: Connection) -> None:
    days = [name for name, _, _, partition, _ in admin.execute(TABLES.encode()).fetchall() if partition]
    assert len(days) > 9
    for day in days:
        for attack in (
            "select 1 from jobtrail.{}",
            "delete from jobtrail.{}",
            "insert into jobtrail.{} default values",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(attack.format(day).encode())


RIGHTS = {
    "insert, update": "waits dependencies supersedings callbacks nexrender_jobs workspaces jobs attempts steps gates queues upkeep_leases results sealer users passwords api_keys",
    "delete, insert, update": "limits rate_starts rate_buckets claim_places settlements schedules schedule_ticks breakers type_outcomes error_marks projects tasks ready timers validations queue_stats idempotency_keys workers webhooks webhook_deliveries budgets budget_holds budget_waits memberships login_sessions login_failures",
    "delete, insert": "assets groups group_members",
    "insert": "gate_links signals log_chunks metrics usage gate_decisions seals administration_events",
    "update": "webhook_dispatcher",
    "": "events tombstones migrations",
}


def test_the_rights_are_these_and_no_more(admin: Connection) -> None:
    found = {
        table: sorted(right.lower() for right in rights if right != "SELECT")
        for table, rights in admin.execute(
            "select table_name, array_agg(privilege_type::text) from information_schema.role_table_grants "
            "where grantee = 'jobtrail_app' and table_schema = 'jobtrail' group by 1"
        ).fetchall()
    }
    wanted = {
        table: rights.split(", ") if rights else [] for rights, tables in RIGHTS.items() for table in tables.split()
    }
    assert found == wanted


def test_what_was_said_and_whose_voice_a_link_lends_stays(admin: Connection) -> None:
    """Of these tables some columns alone may change."""
    found = admin.execute(
        "select table_name, array_agg(column_name::text order by column_name) from information_schema.column_privileges "
        "where grantee = 'jobtrail_app' and privilege_type = 'UPDATE' "
        "and table_name in ('gate_links', 'gate_decisions') group by 1"
    ).fetchall()
    assert dict(found) == {"gate_links": ["revoked_at", "used_at"], "gate_decisions": ["superseded_at"]}


def test_what_runs_with_the_owners_rights_is_known(admin: Connection) -> None:
    """A function that is `security definer` is a door: each is small, fixes its search_path, and is named here."""
    rows = admin.execute(
        "select p.proname, p.proconfig from pg_proc p where p.pronamespace = 'jobtrail'::regnamespace and p.prosecdef"
    ).fetchall()
    assert {name for name, _ in rows} == {"write_trail", "make_partitions", "drop_partitions", "remove_jobs"}
    assert all(any(said.startswith("search_path=pg_catalog") for said in config or ()) for _, config in rows)


def test_a_worker_serves_every_workspace(conn: Connection) -> None:
    run(conn, queues.open_workspace(OTHER, "other"), SERVES_ALL)
    both = {Scene(conn, workspace).enqueue() for workspace in (WORKSPACE, OTHER)}
    scene = Scene(conn)
    claimed = scene.claim(9)
    assert {one.job_id for one in claimed} == both
    ends = [attempts.Completed(fence_of(one, scene.worker)) for one in claimed]
    assert scene.do(attempts.complete(ends)) == []
