"""A client that a public generator makes of our OpenAPI document compiles, and runs a job's whole round trip."""

from __future__ import annotations

import compileall
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serving import Served

from jobtrail.web.openapi import document
from jobtrail.web.table import ROUTES


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the package that was generated; what the generator left out fails the test."""
    (tmp_path / "openapi.json").write_text(json.dumps(document(ROUTES)))
    command = ["generate", "--path", "openapi.json", "--meta", "none", "--output-path", "jobtrail_generated"]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("openapi-python-client")), *command],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "will not be generated" not in done.stdout
    assert "Unable to parse" not in done.stdout
    monkeypatch.syspath_prepend(str(tmp_path))
    assert compileall.compile_dir(tmp_path / "jobtrail_generated", quiet=1)
    return "jobtrail_generated"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_runs_the_round_trip(web: Served, generated: str) -> None:
    def module(name: str) -> Any:
        return importlib.import_module(f"{generated}.{name}")

    models = module("models")
    client = module("client").AuthenticatedClient(base_url=web.url, token=web.key())
    with client:
        body = models.NewJobBody(type_="a", input_={"n": 1}, priority=8)
        made = module("api.jobs.enqueue_job").sync(client=client, body=body, idempotency_key="k")
        again = module("api.jobs.enqueue_job").sync(client=client, body=body, idempotency_key="k")
        assert (again.id, again.existed) == (made.id, True)
        detail = module("api.jobs.get_job").sync(made.id, client=client)
        assert (detail.job.status, detail.job.input_, detail.job.priority) == ("QUEUED", {"n": 1}, 8)
        page = module("api.jobs.list_jobs").sync(client=client, status=[models.JobStatus.QUEUED])
        assert [job.id for job in page.items] == [made.id]
        cancelled = module("api.jobs.cancel_job").sync(made.id, client=client, body=models.CancelBody(reason="enough"))
        assert cancelled.status == "CANCELLED"
        refused = module("api.jobs.cancel_job").sync(made.id, client=client, body=models.CancelBody())
        assert refused.code == "conflict"
        events = module("api.jobs.list_events").sync(made.id, client=client)
        assert [event.type_ for event in events.items] == ["job.created", "job.cancelled"]
