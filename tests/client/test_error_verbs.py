"""Errors in groups, asked of every client alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from scene import Scene

from jobtrail.client import JobsClient
from jobtrail.core.errors import NotFound
from jobtrail.service import attempts, failures


def test_every_client_tells_what_failed_alike(client: JobsClient, scene: Scene) -> None:
    for n in range(3):
        scene.do(attempts.fail(attempts.Failed(scene.start(), "boom", f"took {n} s", retry_in=None)))
    found = client.errors()
    known = scene.do(failures.groups(scene.workspace))
    assert found.items == known.items and (found.looked_at, found.groups) == (3, 1)
    (group,) = found.items
    assert client.error(group.fingerprint).items == [group]
    assert client.errors(datetime.now(UTC) + timedelta(days=1)).items == []


def test_an_error_that_is_not_there_is_not_found(client: JobsClient) -> None:
    with pytest.raises(NotFound, match="fp_00000000"):
        client.error("fp_00000000")
