"""System: what the doctor would say, the worst first, and the figures behind it; for those who run the installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from database import Database
from scene import Scene
from serving import Served, served

from jobtrail.core.scopes import SCOPES_OF, Role
from jobtrail.service import upkeep


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    with served(database, tmp_path, local=True) as running:
        yield running


def read(web: Served) -> str:
    answer = httpx2.get(f"{web.url}/w/default/system")
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def test_findings_come_worst_first_with_what_to_do(web: Served) -> None:
    page = read(web)
    assert "nobody keeps house" in page and "jobtrail worker start" in page
    page = page[page.index('id="findings"') :]
    worst, best = page.index("fsync is off"), page.index("is an ordinary role")
    assert worst < page.index("nobody keeps house") < best


def test_whoever_keeps_house_is_named(web: Served, scene: Scene) -> None:
    scene.do(upkeep.elect("house", scene.worker, 60.0))
    assert "worker w keeps house" in read(web)


def test_figures_can_be_copied(web: Served) -> None:
    page = read(web)
    assert "Copy diagnostics" in page and "table jobs:" in page and "jobtrail-read" in page


def test_only_jobs_of_the_own_workspace_are_named(web: Served, scene: Scene) -> None:
    Scene(scene.conn, web.workspace("other")).enqueue(queue="secret")
    assert "secret" not in read(web)


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 403), (Role.ADMIN, 200)])
def test_it_is_for_those_who_run_the_installation(database: Database, tmp_path: Path, role: Role, status: int) -> None:
    with served(database, tmp_path) as web:
        assert web.client(web.key(scopes=SCOPES_OF[role])).get("/w/default/system").status_code == status
