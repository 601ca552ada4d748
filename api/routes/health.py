"""Whether the service lives, whether it can work, and its numbers for Prometheus. No key is needed; no data is told."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from api import metrics, readiness
from api.admission import Probe
from api.deps import Now
from api.schemas import Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The web process answers. It takes no thread and no connection, so it does so however much there is to do."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
def readyz(now: Now, _place: Probe) -> Response:
    """Database, migrations, blob store, worker and sandbox: 200 when pages and API can work, 503 with what is not well.

    `ok; but ...` is no reason to be unready: no worker, a kernel that lacks a mechanism, a schema of a newer version.
    """
    checks = readiness.check_all(now)
    ready = all(said.partition(";")[0] == "ok" for said in checks.values())
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


@router.get("/metrics", include_in_schema=True, response_class=Response)
def prometheus(_place: Probe) -> Response:
    """Counters of requests, and what is in the queues, in Prometheus' text format."""
    return Response(metrics.render(), media_type=metrics.MEDIA_TYPE)
