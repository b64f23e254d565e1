"""A key that may see little sees little in pages, too: what hangs on another scope is not told on the way."""

from __future__ import annotations

import re

import httpx2
import pytest
from pages.conftest import Ui
from pages.screens import INSIDE, addresses

from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core.scopes import ApiScope
from jobtrail.web.routing import Route

JOB = re.compile(r"/jobs/[0-9a-f]{8}-[0-9a-f-]{27}")
FILE = re.compile(r"/assets/[0-9a-f]{8}-[0-9a-f-]{27}")


TOLD = {"/w/{workspace}/settings/webhooks/{webhook_id}"}
"""Deliveries name their job to whoever may read webhooks, over the API, too."""


@pytest.mark.parametrize("route", [one for one in INSIDE if one.path not in TOLD], ids=lambda route: route.path)
@pytest.mark.parametrize("wanted", [ApiScope.JOBS_READ, ApiScope.ASSETS_READ])
def test_a_page_tells_of_jobs_and_files_only_who_may_read_them(looked_at: Ui, route: Route, wanted: ApiScope) -> None:
    assert isinstance(route.scope, ApiScope)
    key = looked_at.served.key(workspace=DEFAULT_WORKSPACE, scopes=set(ApiScope) - {wanted})
    with httpx2.Client(base_url=looked_at.url, timeout=60, headers={"Authorization": f"Bearer {key}"}) as client:
        for address in addresses(route, looked_at.stage):
            answer = client.get(address.path)
            if answer.status_code == 200:
                found = (JOB if wanted == ApiScope.JOBS_READ else FILE).findall(answer.text)
                assert not found, (address.path, found[:3])


def test_whoever_may_not_read_jobs_finds_none_by_its_digits(looked_at: Ui) -> None:
    key = looked_at.served.key(scopes=set(ApiScope) - {ApiScope.JOBS_READ})
    with httpx2.Client(base_url=looked_at.url, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.get(f"/j/{looked_at.stage.jobs['COMPLETED']}").status_code == 403
