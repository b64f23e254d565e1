"""Circles, references and verdicts: what jobs have to do with each other, without a database."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import graph
from jobtrail.core.errors import Invalid
from jobtrail.core.graph import Branch, JobEnd, Output
from jobtrail.core.status import JobStatus

EDGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40)


def id(n: int) -> UUID:
    return UUID(int=n)


def end(n: int, status: str = "COMPLETED", output: Any = None) -> JobEnd:
    raw = None if output is None else msgspec.json.encode(output).decode()
    return JobEnd(id(n), "demo", JobStatus(status), raw, None, None)


def reaches_itself(edges: list[tuple[int, int]]) -> bool:
    """The slow way: everything that each one reaches."""
    reached = {a: {b for x, b in edges if x == a} for a, _ in edges}
    for _ in range(len(reached)):
        for one in reached.values():
            one |= {further for each in list(one) for further in reached.get(each, ())}
    return any(a in one for a, one in reached.items())


@given(EDGES)
def test_a_way_round_is_found_exactly_where_there_is_one(edges: list[tuple[int, int]]) -> None:
    way = graph.circle((id(a), id(b)) for a, b in edges)
    assert (way is not None) == reaches_itself(edges)
    if way is not None:
        assert way[0] == way[-1]
        assert all((a.int, b.int) in edges for a, b in pairwise(way))


def test_a_long_chain_is_no_circle_and_needs_no_deep_stack() -> None:
    chain = [(id(n), id(n + 1)) for n in range(20_000)]
    assert graph.circle(chain) is None
    assert graph.circle([*chain, (id(20_000), id(0))]) is not None


def test_outputs_become_references_wherever_they_stand() -> None:
    given = graph.referred({"a": [Output(id(1))["rows"][0]], "b": {"c": Output(id(2))}, "d": (1, "x")})
    assert given.value == {
        "a": [{"$result": str(id(1)), "path": ["rows", 0]}], "b": {"c": {"$result": str(id(2))}}, "d": [1, "x"],
    }  # fmt: skip
    assert given.jobs == graph.references(given.value) == {id(1), id(2)}


def test_a_short_input_does_not_become_a_long_one_without_end() -> None:
    ends = {id(1): end(1, output={"a": "x" * (1 << 20), "b": 1})}
    raw = msgspec.json.encode([{"$result": str(id(1)), "path": ["a"]}] * 17).decode()
    with pytest.raises(Invalid, match="more than 16 MiB"):
        graph.filled(raw, ends)
    small = msgspec.json.encode([{"$result": str(id(1)), "path": ["b"]}] * 9_000).decode()
    assert msgspec.json.decode(graph.filled(small, ends)) == [1] * 9_000


def test_references_are_filled_with_what_the_others_returned() -> None:
    raw = msgspec.json.encode(
        graph.referred({"x": Output(id(1))["rows"][1], "y": Output(id(2)), "z": 3}).value
    ).decode()
    ends = {id(1): end(1, output={"rows": [4, 5]}), id(2): end(2, "FAILED", output="no")}
    assert msgspec.json.decode(graph.filled(raw, ends)) == {"x": 5, "y": None, "z": 3}


def test_a_reference_to_somebody_elses_job_stays_as_it_is() -> None:
    raw = msgspec.json.encode({"x": {"$result": str(id(9)), "path": ["a"]}}).decode()
    assert msgspec.json.decode(graph.filled(raw, {})) == msgspec.json.decode(raw)


@pytest.mark.parametrize("path", [["c"], ["a", 7], ["a", "b"], ["a", 0, "x"]])
def test_a_part_that_a_result_does_not_have_is_named(path: list[str | int]) -> None:
    raw = msgspec.json.encode({"x": {"$result": str(id(1)), "path": path}}).decode()
    with pytest.raises(Invalid, match="which the input refers to"):
        graph.filled(raw, {id(1): end(1, output={"a": [1]})})


@pytest.mark.parametrize(
    "said",
    [{"$result": 7}, {"$result": "x"}, {"$result": str(id(1)), "more": 1}, {"$result": str(id(1)), "path": "a"},
     {"$result": str(id(1)), "path": [True]}, {"$result": str(id(1)), "path": [1.5]}, {"$result": str(id(1)), "path": ["a"] * 65}],
)  # fmt: skip
def test_what_only_looks_like_a_reference_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="a reference to a result is written"):
        graph.references({"deep": [said]})


@pytest.mark.parametrize(
    ("mode", "policy", "statuses", "keeps"),
    [
        ("ALL", "FAIL", ["COMPLETED", "COMPLETED"], []),
        ("ALL", "FAIL", ["COMPLETED", "FAILED", "RUNNING"], "FAILED"),
        ("ALL", "CANCEL", ["CANCELLED"], "CANCELLED"),
        ("ALL", "RUN", ["FAILED", "RUNNING"], [id(1)]),
        ("ALL", "RUN", ["FAILED", "CANCELLED"], []),
        ("ANY", "FAIL", ["FAILED", "COMPLETED", "RUNNING"], []),
        ("ANY", "FAIL", ["FAILED", "RUNNING"], [id(1)]),
        ("ANY", "FAIL", ["FAILED", "CANCELLED"], "FAILED"),
        ("ANY", "RUN", ["FAILED", "RUNNING"], []),
    ],
)
def test_what_keeps_a_job_from_beginning(mode: str, policy: str, statuses: list[str], keeps: object) -> None:
    verdict = graph.verdict(mode, policy, [end(n, status) for n, status in enumerate(statuses)])
    assert (verdict.status if isinstance(verdict, JobEnd) else verdict) == keeps


def branch(n: int, parent: int | None, depth: int) -> Branch:
    at: Any = None
    return Branch(
        id(n), None if parent is None else id(parent), depth, "t", None, "RUNNING", None, "q", at, at, at, 0, None, 0
    )


def test_a_tree_is_drawn_below_each_ones_parent() -> None:
    tree = [branch(1, 99, 0), branch(2, 1, 1), branch(3, 1, 1), branch(4, 2, 2), branch(5, 2, 2)]
    assert [(lead, one.id.int) for lead, one in graph.drawn(tree)] == [
        ("", 1), ("├─ ", 2), ("│  ├─ ", 4), ("│  └─ ", 5), ("└─ ", 3),
    ]  # fmt: skip
