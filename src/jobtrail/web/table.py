"""The one table of routes: method, path, handler, scope. Routing, checks, the OpenAPI document and the docs come from it."""

from __future__ import annotations

from typing import Final

from jobtrail.core.scopes import ApiScope as Needs
from jobtrail.web.api import health, jobs
from jobtrail.web.routing import Bytes, Open, Route

_JSON: Final = Bytes("application/json")
_EXISTED: Final = "The key was used before, for this very request; this is its job."
_CHANGED: Final = "It has changed since it was read."
_NOT_NOW: Final = "Its status does not allow it."

JOBS: Final = (
    Route("POST", "/api/v1/jobs", jobs.enqueue_job, Needs.JOBS_ENQUEUE, 201, {200: _EXISTED}),
    Route("POST", "/api/v1/jobs/batch", jobs.enqueue_jobs, Needs.JOBS_ENQUEUE, 201, shows=jobs.NewJobs,
          max_body_bytes=64 << 20),
    Route("GET", "/api/v1/jobs", jobs.list_jobs, Needs.JOBS_READ),
    Route("GET", "/api/v1/jobs/{job_id}", jobs.get_job, Needs.JOBS_READ),
    Route("PATCH", "/api/v1/jobs/{job_id}", jobs.change_job, Needs.JOBS_UPDATE, also={412: _CHANGED, 409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/cancel", jobs.cancel_job, Needs.JOBS_CANCEL, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/retry", jobs.retry_job, Needs.JOBS_RETRY, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/start", jobs.start_job_now, Needs.JOBS_UPDATE, also={409: _NOT_NOW}),
    Route("POST", "/api/v1/jobs/{job_id}/rerun", jobs.rerun_job, Needs.JOBS_RERUN, 201),
)  # fmt: skip

OPERATION: Final = (
    Route("GET", "/health", health.get_health, Open.TO_ALL),
    Route("GET", "/api/openapi.json", health.get_openapi, Open.TO_ALL, gives=_JSON),
)

ROUTES: Final = (*JOBS, *OPERATION)
