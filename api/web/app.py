"""Joins the pages to the application: the router of every page, the static files, and the page of an error."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from api.web import (
    access,
    account,
    documents,
    home,
    keying,
    modelpages,
    operate,
    people,
    policies,
    quality,
    retention,
    review,
    tour,
    training,
    types,
    upload,
    vendors,
)
from api.web.rendering import error_page

PAGES = (
    account,
    home,
    tour,
    keying,
    training,
    review,
    upload,
    documents,
    operate,
    quality,
    modelpages,
    types,
    vendors,
    policies,
    people,
    access,
    retention,
)

router = APIRouter(include_in_schema=False)
for page in PAGES:
    router.include_router(page.router)

static = StaticFiles(directory=Path(__file__).parent / "static")


def install(app: FastAPI) -> None:
    """Add the pages, their static files and the error page to the application."""
    app.mount("/static", static, name="static")
    app.include_router(router)
    app.state.error_page = error_page
