"""Ids grow, do not repeat, and can be typed by people."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from itertools import pairwise
from uuid import RFC_4122, UUID, SafeUUID

import pytest

from jobtrail.core.errors import Invalid
from jobtrail.core.ids import Uuid7, parse_id, short

NOW = 0x018F_0000_0000
EXAMPLE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def source(*clock: int, random_bytes: Callable[[int], bytes] = os.urandom) -> Uuid7:
    """Ids by a clock that shows the given times and then stands still."""
    times = list(clock or [NOW])
    return Uuid7(lambda: times.pop(0) if len(times) > 1 else times[0], random_bytes)


def zeros(n: int) -> bytes:
    return bytes(n)


def ones(n: int) -> bytes:
    return b"\xff" * n


def clock_of(id: UUID) -> int:
    return id.int >> 80


@pytest.mark.parametrize("random_bytes", [os.urandom, zeros, ones])
def test_the_layout_is_that_of_rfc_9562(random_bytes: Callable[[int], bytes]) -> None:
    ids = source(random_bytes=random_bytes)
    for id in [ids.new(), *ids.many(50), ids.new()]:
        assert (id.version, id.variant) == (7, RFC_4122)
        assert clock_of(id) == NOW


def test_the_example_of_the_rfc_comes_out_of_its_clock_and_random_bits() -> None:
    bits = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    ids = Uuid7(lambda: 0x017F22E279B0, lambda n: bits[-n:])
    first = ids.new()
    # The rfc's example has the top random bit set, which we keep at 0 for room.
    assert first == UUID("017F22E2-79B0-74C3-98C4-DC0C0C07398F")


def test_ids_grow_within_one_millisecond_and_across() -> None:
    ids = source(NOW, NOW, NOW, NOW + 1, NOW + 1)
    made = [ids.new() for _ in range(20)]
    assert all(a < b for a, b in pairwise(made))
    assert [clock_of(id) - NOW for id in made[:5]] == [0, 0, 0, 1, 1]


def test_ids_grow_when_the_clock_is_set_back() -> None:
    ids = source(NOW, NOW - 60_000, NOW - 60_000, NOW - 60_000)
    made = [ids.new(), *ids.many(3), ids.new()]
    assert all(a < b for a, b in pairwise(made))


@pytest.mark.parametrize("random_bytes", [os.urandom, zeros, ones])
def test_many_grow_and_join_those_before_and_behind(random_bytes: Callable[[int], bytes]) -> None:
    ids = source(random_bytes=random_bytes)
    made = [ids.new(), *ids.many(1), *ids.many(1_000), ids.new(), *ids.many(2)]
    assert len(made) == 1_005
    assert all(a < b for a, b in pairwise(made))


def test_many_of_none_is_none() -> None:
    assert source().many(0) == []
    assert source().many(-1) == []


def test_a_carry_into_the_upper_half_keeps_order_version_and_variant() -> None:
    start = (5 << 62 | (1 << 62) - 3).to_bytes(10, "big")  # three below the carry
    ids = source(random_bytes=lambda n: start if n == 10 else bytes(n))
    made = ids.many(6)
    assert [(id.int >> 64 & 0xFFF, id.int & (1 << 62) - 1) for id in made] == [
        (5, (1 << 62) - 3), (5, (1 << 62) - 2), (5, (1 << 62) - 1), (6, 0), (6, 1), (6, 2)
    ]  # fmt: skip
    assert {(id.version, id.variant) for id in made} == {(7, RFC_4122)}
    assert ids.new() > made[-1]


def test_an_id_that_was_made_cheaply_is_like_any_other() -> None:
    for id in [source().new(), *source().many(2)]:
        twin = UUID(str(id))
        assert (id, hash(id), repr(id)) == (twin, hash(twin), repr(twin))
        assert pickle.loads(pickle.dumps(id)) == twin
        assert id.is_safe is SafeUUID.unknown


def test_threads_never_get_the_same_id() -> None:
    ids = source()
    made: list[list[UUID]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def work(mine: list[UUID]) -> None:
        start.wait()
        for _ in range(200):
            mine.append(ids.new())
            mine.extend(ids.many(3))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id for mine in made for id in mine}) == 8 * 200 * 4
    assert all(a < b for mine in made for a, b in pairwise(mine))


def test_ids_of_one_batch_do_not_share_their_tails() -> None:
    assert len({short(id) for id in source().many(1_000)}) > 990


@pytest.mark.parametrize("text", [str(EXAMPLE), EXAMPLE.hex, str(EXAMPLE).upper(), EXAMPLE])
def test_an_id_is_read_in_its_long_forms(text: str | UUID) -> None:
    assert parse_id(text, "job") == EXAMPLE


@pytest.mark.parametrize(
    "text",
    ["", "x", "099a8057", f"{{{EXAMPLE}}}", f"urn:uuid:{EXAMPLE}", f" {EXAMPLE}", f"{EXAMPLE}\n", str(EXAMPLE)[:-1], "0" * 33,
     "01890a5d-ac96774b-bcce-b302099a8057", "g" * 32, 5, None, b"x", "x" * 10_000],
)  # fmt: skip
def test_what_is_no_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="is not an id") as caught:
        parse_id(text, "job")
    assert list(caught.value.fields) == ["job"]
    assert len(caught.value.message) < 200


def test_the_short_form_is_the_tail() -> None:
    assert short(EXAMPLE) == "099a8057"
