"""Keys open as much as they were made for, as long as they hold, and never more than their person may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields
from datetime import timedelta

import pytest
from database import Clock, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids
from service.people import ALL, OTHER, enter, key, other, person, raw, told, words

from jobtrail.core import api_keys
from jobtrail.core.access import ApiKey
from jobtrail.core.errors import Denied, Invalid, NotFound
from jobtrail.core.scopes import SCOPES_OF, ApiScope, Role
from jobtrail.service import keys, memberships, users
from jobtrail.store.db import run

READ = frozenset({ApiScope.JOBS_READ})


def test_a_key_opens_what_it_was_made_for(scene: Scene) -> None:
    made, text = key(scene, scopes=READ)
    assert enter(scene, text) == READ
    facts = scene.do(keys.authenticate(made.id))
    assert facts is not None and (facts.workspace_id, facts.id, facts.name) == (WORKSPACE, made.id, "ci")


def test_only_the_digest_of_a_secret_is_kept_and_no_list_shows_it(scene: Scene) -> None:
    made, text = key(scene)
    secret = api_keys.parse(text)[1]
    (row,) = scene.conn.execute("select k::text from jobtrail.api_keys k").fetchall()
    assert secret not in row[0] and api_keys.digest(secret).hex() in row[0]
    assert not any("secret" in field.name or "hash" in field.name for field in fields(ApiKey))
    assert scene.do(keys.listed(WORKSPACE)) == [made] == [scene.do(keys.get(WORKSPACE, made.id))]
    assert not any(secret in str(event) or api_keys.digest(secret).hex() in str(event) for event in told(scene))


def test_a_wrong_secret_and_a_strange_key_look_alike(scene: Scene) -> None:
    made, _ = key(scene)
    for text in (api_keys.make(made.id, bytes(32)), api_keys.make(ids.new(), bytes(32))):
        with pytest.raises(Denied, match=r"^there is no such key$"):
            enter(scene, text)


def test_a_revoked_key_opens_nothing_and_stays_revoked(scene: Scene) -> None:
    made, text = key(scene)
    assert scene.do(keys.revoke(WORKSPACE, made.id, ME)) is True
    with pytest.raises(Denied, match="was revoked"):
        enter(scene, text)
    assert scene.do(keys.alive([made.id])) == frozenset()
    assert scene.do(keys.revoke(WORKSPACE, made.id, ME)) is False
    with pytest.raises(Denied, match="take back a revocation"):
        raw(scene, "update jobtrail.api_keys set revoked_at = null")
    assert words(scene) == ["key.created", "key.revoked"]


def test_a_key_opens_until_it_expires(scene: Scene, clock: Clock) -> None:
    made, text = key(scene, expires_at=clock.now() + timedelta(days=1))
    clock.advance(hours=23)
    assert enter(scene, text)
    assert scene.do(keys.alive([made.id])) == {made.id}
    clock.advance(hours=1)
    with pytest.raises(Denied, match="has expired"):
        enter(scene, text)
    assert scene.do(keys.alive([made.id])) == frozenset()
    with pytest.raises(Invalid, match="expires_in_the_future"):
        key(scene, expires_at=clock.now())


def test_nobody_gives_away_what_they_may_not_do(scene: Scene) -> None:
    with pytest.raises(Denied, match=r"what you may not do yourself: keys:write$"):
        key(scene, scopes=READ | {ApiScope.KEYS_WRITE}, may=SCOPES_OF[Role.OPERATOR])
    with pytest.raises(Invalid, match="needs a scope"):
        key(scene, scopes=frozenset())
    assert scene.do(keys.listed(WORKSPACE)) == [] and words(scene) == []


def test_a_key_is_bound_to_members_only(scene: Scene) -> None:
    stranger = person(scene)
    with pytest.raises(NotFound, match=f"user {stranger} is not a member"):
        key(scene, user_id=stranger)


def test_a_key_loses_what_its_person_loses(scene: Scene) -> None:
    """Their role, their membership, their login: each at once, and only what was lost."""
    person(scene, "owner", Role.OWNER)
    ann = person(scene, "ann", Role.OPERATOR)
    made, text = key(scene, user_id=ann)
    assert enter(scene, text) == SCOPES_OF[Role.OPERATOR]
    scene.do(memberships.change_role(WORKSPACE, ann, Role.VIEWER, ME, ALL))
    assert enter(scene, text) == SCOPES_OF[Role.VIEWER]
    scene.do(memberships.change_role(WORKSPACE, ann, Role.ADMIN, ME, ALL))
    assert enter(scene, text) == SCOPES_OF[Role.OPERATOR]
    scene.do(users.disable(ann, ME))
    with pytest.raises(Denied, match="may not enter"):
        enter(scene, text)
    assert scene.do(keys.alive([made.id])) == frozenset()
    scene.do(users.enable(ann, ME))
    assert scene.do(keys.alive([made.id])) == {made.id}
    scene.do(memberships.remove(WORKSPACE, ann, ME, ALL))
    assert scene.do(keys.alive([made.id])) == frozenset()
    scene.do(memberships.add(WORKSPACE, ann, Role.OPERATOR, ME, ALL))
    with pytest.raises(Denied, match="was revoked"):
        enter(scene, text)


def test_a_key_stays_in_its_workspace(scene: Scene) -> None:
    other(scene)
    made, _ = key(scene)
    assert scene.do(keys.get(OTHER, made.id)) is None and scene.do(keys.listed(OTHER)) == []
    with pytest.raises(NotFound):
        scene.do(keys.revoke(OTHER, made.id, ME))
    assert scene.do(keys.alive([made.id])) == {made.id}


def test_use_is_noted_once_a_minute(scene: Scene, clock: Clock) -> None:
    made, unused = key(scene)[0], key(scene)[0]

    def used() -> object:
        found = scene.do(keys.get(WORKSPACE, made.id))
        assert found is not None
        return found.last_used_at

    first = clock.now()
    scene.do(keys.touch([made.id]))
    clock.advance(seconds=59)
    scene.do(keys.touch([made.id]))
    assert used() == first
    clock.advance(seconds=2)
    scene.do(keys.touch([made.id, ids.new()]))
    assert used() == clock.now()
    still = scene.do(keys.get(WORKSPACE, unused.id))
    assert still is not None and still.last_used_at is None


def test_a_page_follows_the_page_before(scene: Scene) -> None:
    made = [key(scene)[0] for _ in range(5)]
    first = scene.do(keys.listed(WORKSPACE, limit=3))
    rest = scene.do(keys.listed(WORKSPACE, before=first[-1].id, limit=3))
    assert [*first, *rest] == made[::-1]


def test_a_scope_of_another_version_is_not_a_scope(scene: Scene) -> None:
    made, text = key(scene, scopes=READ)
    columns = "workspace_id, id, name, secret_hash, scopes, created_by"
    strange = ids.new()
    raw(
        scene,
        f"insert into jobtrail.api_keys ({columns}) select workspace_id, %s, name, secret_hash, "
        "'{jobs:read,moon:fly}', created_by from jobtrail.api_keys where id = %s",
        (strange, made.id),
    )
    assert enter(scene, text.replace(made.id.hex, strange.hex)) == READ


def test_who_notes_use_at_once_does_not_wait(database: Database, scene: Scene) -> None:
    """Each takes what the other does not hold; with `for update` alone two servers would deadlock."""
    made = [key(scene)[0].id for _ in range(20)]
    with closing(database.connect()) as busy, closing(database.connect()) as free:
        busy.autocommit = False
        run(busy, keys.touch(made[:10]), SERVES_ALL)
        free.execute("set statement_timeout = '30s'")
        run(free, keys.touch(made[::-1]), SERVES_ALL)
        busy.rollback()
    noted = {found.id for found in scene.do(keys.listed(WORKSPACE)) if found.last_used_at is not None}
    assert noted == set(made[10:])


def test_a_key_that_is_revoked_by_many_is_revoked_once(database: Database, scene: Scene) -> None:
    made, _ = key(scene)

    def revoke(_: int) -> bool:
        with closing(database.connect()) as conn:
            return run(conn, keys.revoke(WORKSPACE, made.id, ME), SERVES_ALL)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(revoke, range(4))) == [False, False, False, True]
    assert words(scene) == ["key.created", "key.revoked"]
