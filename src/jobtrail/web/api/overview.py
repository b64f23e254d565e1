"""The route that tells how a workspace stands, in one answer."""

from __future__ import annotations

from datetime import UTC, datetime

from jobtrail.core.figures import Overview
from jobtrail.service import overview
from jobtrail.web.runtime import Call


async def get_overview(call: Call) -> Overview:
    """How the workspace stands: jobs by status, the last hour, queues, money of today and yesterday, what runs, and what
    somebody should look at, the most urgent first."""
    return await call.read(overview.read(call.workspace, datetime.now(UTC)))
