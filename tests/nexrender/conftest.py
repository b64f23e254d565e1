"""A server that is imitated, a render at it, and a node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nexrender.bed import RenderBed
from nexrender.fake_worker import FakeWorker
from nexrender.imitation import Imitation, imitating


@pytest.fixture
def server() -> Iterator[Imitation]:
    with imitating() as imitation:
        yield imitation


@pytest.fixture
def bed(server: Imitation, tmp_path: Path) -> RenderBed:
    return RenderBed(server, tmp_path)


@pytest.fixture
def node(server: Imitation) -> FakeWorker:
    return FakeWorker(server.url)
