"""When a job was made, by its id: whatever id somebody chose, there is a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from jobtrail.web.pages.search import id_at, made_at

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, (1 << 128) - 1))
@example((1 << 128) - 1)
@example(0)
def test_every_id_has_a_time(number: int) -> None:
    assert EPOCH <= made_at(UUID(int=number)) <= datetime.max.replace(tzinfo=UTC)


@given(st.integers(0, 7_000_000_000_000_000).map(lambda after: EPOCH + timedelta(microseconds=after)))
def test_the_lowest_id_of_a_time_is_of_that_time(at: datetime) -> None:
    assert abs((made_at(id_at(at)) - at).total_seconds()) < 0.002
