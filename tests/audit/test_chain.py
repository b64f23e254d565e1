"""Python and the database hash the same bytes; nothing but the true leaves leads to a root; a seal binds all it says."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from database import Connection

from jobtrail.core import chain
from jobtrail.core.chain import Link, Part, Seal

EVENT = Link(
    str(uuid4()), str(uuid4()), 7, b"", "step.completed", "RUNNING", str(uuid4()), str(uuid4()), "worker", "w|☃", '{"ü": 1}',
    b"", 1,
)  # fmt: skip
SEAL = Seal(
    UUID(int=7), 3, 10, 20, "2026-01-01T00:00:00", "2026-01-01T00:00:01", 2, (Part("20260101", 2, b"r" * 32),), b"R" * 32,
    b"p" * 32, "2026-01-01T00:00:02",
)  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"actor_id": None},
        {"actor_id": ""},
        {"actor_id": "1|x"},
        {"payload": None},
        {"attempt_id": None, "step_id": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("previous", [b"", b"\x00" * 32])
def test_the_database_hashes_the_same_bytes(conn: Connection, changed: dict[str, Any], previous: bytes) -> None:
    event = EVENT._replace(**changed)
    found = conn.execute(
        "select timestamptz_send(t.at), jobtrail.link(%(previous)s::bytea, t.at, %(workspace_id)s, %(job_id)s, %(seq)s, %(type)s, "
        "%(status)s, %(attempt_id)s, %(step_id)s, %(actor_type)s, %(actor_id)s, %(payload)s) "
        "from (select timestamptz '1999-12-31 23:59:59.000001Z' as at union all select '2026-11-22 01:02:03.456789Z') t",
        {"previous": previous, **event._asdict()},
    ).fetchall()
    assert len(found) == 2
    for at, hash in found:
        assert chain.link(previous, event._replace(at=at)) == hash


def test_no_two_events_have_the_same_bytes() -> None:
    alike = [
        EVENT._replace(actor_id="a|b", payload="c"), EVENT._replace(actor_id="a", payload="b|c"),
        EVENT._replace(actor_id=None, payload="|c"), EVENT._replace(actor_id="", payload="|c"),
        EVENT._replace(actor_id=None, payload=None),
    ]  # fmt: skip
    assert len({chain.canonical(event) for event in alike}) == len(alike)


@pytest.mark.parametrize("size", range(1, 34))
def test_only_the_true_leaf_climbs_to_the_root(size: int) -> None:
    leaves = [chain.leaf(bytes([n])) for n in range(size)]
    root = chain.root(leaves)
    for index, leaf in enumerate(leaves):
        way = chain.path(leaves, index)
        assert chain.climb(leaf, index, size, way) == root
        assert chain.climb(chain.leaf(b"other"), index, size, way) != root
        assert chain.climb(leaf, index + 1, size, way) != root
        assert chain.climb(leaf, index, size, [*way, leaf]) is None
        assert not way or chain.climb(leaf, index, size, way[:-1]) is None


def test_a_root_tells_order_number_and_depth() -> None:
    a, b, c, d = (chain.leaf(bytes([n])) for n in range(4))
    inner = [sha256(b"\x01" + a + b).digest(), sha256(b"\x01" + c + d).digest()]
    trees = [[a], [a, b], [b, a], [a, b, c], [a, b, c, c], [a, b, c, d], [*inner[:1], c, d]]
    assert len({chain.root(tree) for tree in trees}) == len(trees)
    assert chain.root([a, b, c, d]) == chain.root(inner), "the tree of RFC 6962"
    assert chain.leaf(a + b) not in (inner[0], sha256(a + b).digest()), "no node passes for a leaf"


def test_records_sort_as_events_do_and_are_read_back() -> None:
    one, two = sorted([uuid4(), uuid4()])
    wanted = [(5, two, 1), (6, one, 1), (6, one, 2), (6, one, 256), (6, two, 1), (2**40, one, 1)]
    made = [chain.record(txid, job, seq, b"h" * 32) for txid, job, seq in wanted]
    assert chain.records(b"".join(reversed(made))) == made
    assert [chain.parted(record)[:3] for record in made] == wanted
    assert {len(chain.record(1, one, 1, hash)) for hash in (b"", b"h" * 31, b"h" * 33)} == {chain.RECORD_BYTES}
    assert made[0] < chain.after(5) < made[1]


@pytest.mark.parametrize("name", [field.name for field in fields(Seal) if field.name != "signature"])
def test_a_signature_and_a_digest_bind_every_field(name: str) -> None:
    signed = chain.signed(SEAL, b"key")
    value: Any = getattr(SEAL, name)
    changed: dict[type, Any] = {
        int: 99, str: "2026-01-01T00:00:00.1", bytes: b"", UUID: UUID(int=8), tuple: (Part("20260102", 2, b"r" * 32),)
    }  # fmt: skip
    other = replace(signed, **{name: changed[type(value)]})
    assert chain.is_signed(signed, [b"other", b"key"]) and not chain.is_signed(signed, [b"other"])
    assert not chain.is_signed(other, [b"key"])
    assert chain.digest(other) != chain.digest(signed) == chain.digest(SEAL)


def test_a_seal_survives_being_written_as_json() -> None:
    signed = chain.signed(SEAL, b"key")
    assert chain.seal_from_json(chain.seal_to_json(signed)) == signed


@pytest.mark.parametrize(
    "parts", [None, 3, [{}], [{"name": "a", "events": 1}], [{"name": "a", "events": 1, "root": "AB"}],
              [{"name": "a", "events": 1, "root": "ab", "more": 1}]],
)  # fmt: skip
def test_parts_that_nobody_wrote_so_are_no_parts(parts: object) -> None:
    row = [UUID(int=7), 1, 0, 1, "", "", 1, parts, b"", b"", "", b""]
    assert chain.seal_of(row).parts == ()
