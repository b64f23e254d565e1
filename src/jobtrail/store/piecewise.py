"""Runs a Flow that only reads as many short transactions: a long look then keeps neither vacuum nor retention waiting."""

from __future__ import annotations

from typing import TypeVar

from jobtrail.store.db import Connection, Scope, run
from jobtrail.store.query import Flow

T = TypeVar("T")


def run_each(conn: Connection, work: Flow[T], scope: Scope) -> T:
    """Executes each Query of `work` by itself and returns what it answers. Nothing is undone when one of them fails."""
    steps = work.begin()
    answer: object = None
    while True:
        try:
            query = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        answer = run(conn, query, scope)
