"""The web application: what every request passes, the table of routes, the pages. `create_app` is the factory."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from api import admission, contract, problems, waiting
from api.limits import LimitBody, SameOrigin, SecureHeaders
from api.metrics import CountRequests
from api.requestids import RequestIds
from api.routes import document_types, documents, health, keys, models, people, quality, split, tasks, webhooks
from api.wellformed import WellFormed

ROUTERS: tuple[APIRouter, ...] = (
    documents.router,
    split.router,
    document_types.router,
    webhooks.router,
    models.router,
    models.frozen,
    tasks.router,
    tasks.batches,
    quality.router,
    people.router,
    people.levels,
    keys.router,
    health.router,
)

DESCRIPTION = """Upload scanned documents, get fields whose error is certified.

Every error is `application/problem+json` (RFC 9457) with `code`, `detail` and `next_step`.
Sign in with `Authorization: Bearer <key>`; keys are made with `countersign key add`.
"""


def create_app() -> FastAPI:
    """The whole application. It opens no database before the first request that needs one."""
    app = FastAPI(
        title="Countersign",
        version=version("countersign"),
        description=DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,  # its page loads scripts from a content network
        redoc_url=None,
        servers=[{"url": "/", "description": "This installation"}],
        generate_unique_id_function=contract.operation_id,
        lifespan=admission.enough_threads,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # its own carries addresses and messages
    )
    admission.install(app)
    problems.install(app)
    waiting.install(app)
    for router in ROUTERS:
        app.include_router(router)
    contract.install(app)
    _mount_pages(app)
    for middleware in (
        WellFormed,
        LimitBody,
        SameOrigin,
        SecureHeaders,
        RequestIds,
        CountRequests,
    ):  # the last one is outermost
        app.add_middleware(middleware)
    return app


def _mount_pages(app: FastAPI) -> None:
    from api.web import install

    install(app)
