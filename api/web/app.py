"""Joins the pages to the application: the router of every page, the static files, and the page of an error."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from api.web import account, manual
from api.web.documents import documents, split, upload
from api.web.learn import modelpages, quality
from api.web.manage import home, operate, people, tour
from api.web.rendering import error_page
from api.web.setup import access, policies, retention, types, vendors
from api.web.work import keying, qualification, review

PAGES = (
    account,
    home,
    tour,
    keying,
    qualification,
    review,
    upload,
    split,
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
    manual,
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
