"""The scene as it goes on in the copy that a test has for itself."""

from __future__ import annotations

import copy

from pages.conftest import Ui
from pages.stage import Stage


def on(ui: Ui) -> Stage:
    """The same scene, whose client, key and worker speak to the server of this test."""
    stage = copy.copy(ui.stage)
    stage.web = ui.served
    stage.key = ui.served.key(workspace=stage.workspace, name="acting")
    stage.http = ui.served.client(stage.key)
    stage.jobs, stage.ids = dict(stage.jobs), dict(stage.ids)
    stage.worker = copy.copy(stage.worker)
    stage.worker.http = stage.http
    return stage
