"""Copies of one document with all its rows, made by the database: thousands in a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image, ImageDraw
from sqlalchemy import text
from sqlmodel import Session

from hitl.people import keys
from hitl.people.accounts import open_session
from hitl.people.keys import Scope
from hitl.platform.blobs import blobs
from hitl.workspace.workspaces import ensure_base_model
from models.doctype import Kind
from models.tables import Document, User, Workspace
from tests import factories
from tests.hitl.crowd import create_people, create_read_document, set_policy, start
from tests.load.clients import ApiClient, Browser, Person

SAID = {"net": "40.50", "tax": "7.70", "total": "48.20", "paid": "50.00"}

# Tables whose rows hang on a document, and the columns that lead to a row that is copied too.
COPIED: Mapping[str, tuple[str, ...]] = {
    "document": ("id",),
    "document_page": ("id", "document_id"),
    "field_reading": ("id", "document_id"),
    "verdict": ("id", "document_id", "reading_id"),
    "task": ("id", "document_id", "verdict_id"),
}


def create_work(session: Session, workspace: Workspace, documents: int) -> None:
    """So many documents in review with four open tasks each: their picture, readings and verdicts with them."""
    now = datetime.now(UTC)
    ensure_base_model(session, now)
    set_policy(session, workspace)
    spec = factories.a_type("receipt", **dict.fromkeys(SAID, Kind.MONEY))
    readings = {name: (value, 0.7) for name, value in SAID.items()}
    template = create_read_document(session, workspace, readings, spec, created_at=now)
    key = blobs().put(workspace.id, _a_page())
    session.execute(
        text("UPDATE document_page SET image_key = :key WHERE document_id = :id"), {"key": key, "id": template.id}
    )
    start(session, template, now)
    session.flush()
    copy(session, template, documents - 1)
    session.commit()
    session.execute(text("ANALYZE"))
    session.commit()


def copy(session: Session, document: Document, times: int) -> None:
    """Copy the document and what hangs on it; each copy a millisecond younger, its ids longer by its number."""
    for table, ids in COPIED.items():
        new = ", ".join(f"'{name}', row.{name} || '-' || n" for name in ids)
        of_document = "id" if table == "document" else "document_id"
        session.execute(
            text(f"""
                INSERT INTO {table} SELECT made.* FROM {table} AS row, generate_series(1, :times) AS n,
                  jsonb_populate_record(NULL::{table}, to_jsonb(row) || jsonb_build_object({new})
                    {"|| jsonb_build_object('sha256', n, 'group_id', n)" if table == "document" else ""}
                    || CASE WHEN to_jsonb(row) ? 'created_at' THEN jsonb_build_object('created_at',
                      (to_jsonb(row)->>'created_at')::timestamptz + n * interval '1 millisecond') ELSE '{{}}' END
                  ) AS made WHERE row.{of_document} = :document
            """),
            {"times": times, "document": document.id},
        )


def create_clients(session: Session, workspace: Workspace, api: int, browsers: int) -> list[Person]:
    """People who key over the API with a key each, and people who are signed in."""
    return [*_api_clients(session, workspace, api), *_browsers(session, workspace, browsers)]


def _api_clients(session: Session, workspace: Workspace, count: int) -> Iterator[Person]:
    for user in create_people(session, workspace, count):
        now = datetime.now(UTC)
        _, secret = keys.add_key(session, workspace.id, user.login, [Scope.TASKS], actor="test", now=now)
        yield ApiClient(user.login, {"Authorization": f"Bearer {secret}"})


def _browsers(session: Session, workspace: Workspace, count: int) -> Iterator[Person]:
    for user in create_people(session, workspace, count):
        signed_in = open_session(session, session.get_one(User, user.id), now=datetime.now(UTC))
        yield Browser(user.login, {"Cookie": f"countersign_session={signed_in.token}", "Sec-Fetch-Site": "same-origin"})


def _a_page() -> bytes:
    page, buffer = Image.new("L", (850, 1100), "white"), BytesIO()
    pen = ImageDraw.Draw(page)
    for number, (name, value) in enumerate(SAID.items()):
        pen.text((90, 110 + 60 * number), f"{name} {value}", fill="black", font_size=28)
    page.save(buffer, "PNG")
    return buffer.getvalue()
