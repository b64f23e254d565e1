"""Each check by itself: one thing is changed, and the audit says exactly what. No other check covers for it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from audit.history import KEY, OTHER, SERVES_ALL, History, with_files, with_steps
from audit.tampers import PUT, Vandal
from database import Connection
from scene import WORKSPACE, Scene

from jobtrail.core import chain, fold
from jobtrail.core.audit import Kind
from jobtrail.service import audit, queues, seals
from jobtrail.store.db import run


class Place:
    """A job with all that hangs on one, sealed; a job of three events, not sealed; and a vandal."""

    def __init__(self, scene: Scene, admin: Connection) -> None:
        self.scene, self.history = scene, History(scene.conn)
        with_steps(scene, Random(1), "steps")
        with_files(scene, Random(1), "files")
        self.history.seal()
        scene.enqueue()
        self.history.seal()
        scene.enqueue()
        self.history.seal()
        fence = scene.start(queue="open")
        scene.complete(fence, "1")
        self.open = fence.job_id
        admin.execute("set session_replication_role = replica")
        self.vandal = Vandal(admin, Random(1), [], KEY)
        assert self.said() == []

    def said(self, *, anchored: bool = True) -> list[str]:
        work = audit.verify([KEY], anchored=self.history.anchor if anchored else ())
        return [f"{finding.kind}: {finding.message}" for finding in run(self.scene.conn, work, SERVES_ALL).findings]

    def forge(self, **changes: Any) -> None:
        """One event more, like the second of the open job but for what is said."""
        event = self.vandal.trail(self.open)[1]
        self.vandal.conn.execute(PUT.encode(), event._replace(**changes)._asdict())

    def sign(self, number: int, **changes: Any) -> None:
        """Another seal under the true key."""
        seal = replace(self.history.anchor[number - 1], **changes)
        signed = chain.signed(seal, KEY)
        self.vandal.do(
            "update jobtrail.seals set root = %s, previous = %s, events = %s, signature = %s where number = %s",
            signed.root, signed.previous, signed.events, signed.signature, number,
        )  # fmt: skip


@pytest.fixture
def place(scene: Scene, admin: Connection) -> Place:
    return Place(scene, admin)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("delete from jobtrail.events where job_id = %s and seq = 1", "gap: event 1 is missing"),
        ("delete from jobtrail.events where job_id = %s and seq = 2", "gap: event 2 is missing"),
        ("delete from jobtrail.events where job_id = %s and seq = 3", "gap: events 3 to 3 are missing"),
        ("delete from jobtrail.events where job_id = %s", "gap: it has no events at all"),
        ("update jobtrail.events set actor_id = 'eve' where job_id = %s and seq = 2",
         "hash: event 2 is not the one that was written: its hash does not follow"),
        ("update jobtrail.results set output = '2' where job_id = %s", "result: the result of run 1 was changed"),
        ("update jobtrail.results set output = null where job_id = %s", "result: the result of run 1 was changed"),
        ("delete from jobtrail.results where job_id = %s", "result: the result of run 1 is missing"),
        (("insert into jobtrail.results (workspace_id, job_id, generation, status) values "
         "('00000000-0000-7000-8000-000000000001', %s, 2, 'SUCCESS')"), "result: there is a result of run 2, which its events do not know"),
        ("update jobtrail.jobs set input = '{}' where id = %s",
         ("row: input_sha256 is '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', "
         "which its events do not say")),
    ],
)  # fmt: skip
def test_what_is_not_sealed_is_vouched_for_by_its_chain(place: Place, change: str, message: str) -> None:
    place.vandal.do(change, place.open)
    assert place.said() == [message]


def test_a_head_that_is_not_the_last_event_is_said(place: Place) -> None:
    place.vandal.do("update jobtrail.jobs set trail_hash = sha256(trail_hash) where id = %s", place.open)
    head, row = place.said()
    assert head == "head: the last event is not the head of its chain"
    assert row.startswith("row: trail_hash is")


def test_an_event_beyond_the_end_is_said(place: Place) -> None:
    last = place.vandal.trail(place.open)[-1]
    place.forge(seq=4, at=last.at)
    assert place.said() == [
        "hash: event 4 is not the one that was written: its hash does not follow",
        "gap: the trail goes on to 4, the job ends at 3",
        "stray: event 4 belongs to no job: there is none, or it ended before",
    ]


def test_an_event_that_is_there_twice_is_said(place: Place) -> None:
    event = place.vandal.trail(place.open)[1]
    place.forge(at=(fold.microseconds(event.at) + 1).to_bytes(8, "big"))
    assert place.said() == ["gap: event 2 is there twice"]


def test_an_event_outside_the_life_of_its_job_is_said(place: Place) -> None:
    place.forge(at=(0).to_bytes(8, "big"))
    assert place.said() == ["stray: event 2 belongs to no job: there is none, or it ended before"]


def test_rows_that_no_event_knows_are_said(place: Place) -> None:
    place.vandal.do(
        "insert into jobtrail.steps (workspace_id, job_id, id, ordinal, key, name, status) "
        "select workspace_id, id, id, 1, 'k', 'k', 'COMPLETED' from jobtrail.jobs where id = %s", place.open,
    )  # fmt: skip
    place.vandal.do(
        "insert into jobtrail.assets (workspace_id, job_id, id, name, byte_size, sha256, storage_key) "
        "select workspace_id, id, id, 'f', 1, repeat('0', 64), 'f' from jobtrail.jobs where id = %s", place.open,
    )  # fmt: skip
    assert place.said() == [
        f"step: there is a step {place.open}, which its events do not know",
        f"asset: there is a file {place.open}, which its events do not know",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("update jobtrail.steps set output = '\"x\"' where key = 'call'", "was changed"),
        (
            "update jobtrail.steps set status = 'FAILED' where key = 'call'",
            "is 'call' FAILED, which its events do not say",
        ),
        (
            "update jobtrail.steps set key = 'cool' where key = 'call'",
            "is 'cool' COMPLETED, which its events do not say",
        ),
        ("delete from jobtrail.steps where key = 'call'", "is missing"),
        ("update jobtrail.assets set sha256 = repeat('0', 64) where name = 'page 1.pdf'", "was changed"),
        ("update jobtrail.assets set name = 'page 2.pdf' where name = 'page 1.pdf'", "was changed"),
        ("update jobtrail.assets set byte_size = 8 where name = 'page 1.pdf'", "was changed"),
        ("delete from jobtrail.assets where name = 'page 1.pdf'", "is missing"),
    ],
)
def test_what_hangs_on_a_job_is_held_against_its_events(place: Place, change: str, message: str) -> None:
    assert place.vandal.do(change) == 1
    (said,) = place.said()
    assert said.endswith(message)


def test_seals_are_chained_even_for_who_has_the_key(place: Place) -> None:
    second = place.history.anchor[1]
    cases: list[tuple[int, dict[str, Any], list[str]]] = [
        (
            2,
            {"previous": b"x" * 32},
            ["seal 2 does not follow the one before", "seal 3 does not follow the one before"],
        ),
        (3, {"previous": b""}, ["seal 3 does not follow the one before"]),
        (3, {"root": b"x" * 32}, ["the root of seal 3 is not the root of its parts"]),
        (3, {"events": 7}, ["the root of seal 3 is not the root of its parts"]),
    ]
    for number, changes, messages in cases:
        with place.vandal.conn.transaction(force_rollback=True):
            place.sign(number, **changes)
            work = audit.verify([KEY])
            found = run(place.vandal.conn, work, SERVES_ALL).findings
            assert [finding.message for finding in found] == messages
    assert second.number == 2


def test_a_gap_between_seals_is_said_and_what_lies_in_it(place: Place) -> None:
    place.vandal.do("delete from jobtrail.seals where number = 2")
    said = place.said(anchored=False)
    assert said[:3] == [
        "seal: seal 2 is missing: seal 3 follows",
        "seal: seal 3 does not begin where the one before ends",
        said[2],
    ]
    assert said[2].startswith("uncovered: no seal covers 1 events that lie before a seal") and len(said) == 3
    assert place.said()[3:] == ["anchor: seal 2 is anchored, but is missing here"]


def test_the_end_of_the_seals_is_what_the_anchor_is_for(place: Place) -> None:
    place.vandal.do("delete from jobtrail.seals where number = 3")
    place.vandal.do("update jobtrail.sealer set up_to_txid = 0")
    assert place.said(anchored=False) == []
    assert place.said() == ["anchor: seal 3 is anchored, but is missing here"]


def test_an_event_slipped_under_a_seal_is_said_wherever_it_lies(place: Place) -> None:
    sealed = place.history.anchor[0]
    event = place.vandal.trail(place.open)[1]
    yesterday = (fold.microseconds(event.at) - 86_400_000_000).to_bytes(8, "big")
    place.forge(at=yesterday, txid=sealed.up_to_txid)
    day = fold.at_epoch(fold.microseconds(yesterday)).strftime("%Y%m%d")
    assert f"seal: seal 1 covers no events of {day}; 1 are there" in place.said()


def test_an_event_of_a_workspace_without_seals_is_said(place: Place) -> None:
    """Its transaction lies before a seal, so the sealer must have seen it."""
    place.scene.do(queues.open_workspace(OTHER, "other"))
    job = Scene(place.scene.conn, OTHER).enqueue()
    place.vandal.do("update jobtrail.events set txid = %s where job_id = %s", place.history.anchor[0].up_to_txid, job)
    place.vandal.do("update jobtrail.jobs set last_txid = %s where id = %s", place.history.anchor[0].up_to_txid, job)
    assert place.said() == [
        f"uncovered: no seal covers 1 events that lie before a seal; the first is event 1 of job {job}"
    ]


def test_a_job_of_another_workspace_is_no_excuse(place: Place) -> None:
    place.scene.do(queues.open_workspace(OTHER, "other"))
    place.vandal.do("update jobtrail.events set workspace_id = %s where job_id = %s", OTHER, place.open)
    said = place.said()
    assert said[0] == "gap: it has no events at all"
    assert said[1:] == [f"stray: event {n} belongs to no job: there is none, or it ended before" for n in (1, 2, 3)]


def test_what_the_sealer_passes_is_found_in_few_looks(place: Place) -> None:
    """Other databases of the server use up transactions too: a hundred million of them are not a hundred million looks."""
    place.vandal.do("update jobtrail.sealer set up_to_txid = -100000000, safe_at = '-infinity'")
    steps, answer, looks = seals.seal(KEY).begin(), None, 0
    with place.scene.conn.transaction():
        while True:
            try:
                query = steps.send(answer)
            except StopIteration as end:
                assert end.value.seals[0].events == 3
                break
            answer = run(place.scene.conn, query, SERVES_ALL)
            looks += 1
    assert looks < 30


def test_a_finding_carries_ids_that_programs_can_use(place: Place) -> None:
    place.vandal.do("update jobtrail.events set payload = '[]' where job_id = %s and seq = 1", place.open)
    found = run(place.scene.conn, audit.verify([KEY]), SERVES_ALL).findings
    assert {(finding.workspace, finding.job_id) for finding in found} == {(WORKSPACE, place.open)}
    assert (found[0].kind, found[0].seq) == (Kind.HASH, 1)
    assert all(isinstance(finding.job_id, UUID) for finding in found) and uuid4() != place.open
