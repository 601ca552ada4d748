"""The pages of a document between its steps: drawn images and words, kept as blobs and found again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlmodel import Session, col, select

from hitl.platform.blobs import blobs, keep
from models.tables import Document, DocumentPage
from models.values import Page

if TYPE_CHECKING:  # every web process loads this file, and neither draws nor reads
    from extractor.page.render import RenderedPage
    from extractor.read import ReadPage


@dataclass(frozen=True)
class DrawnPage:
    """Where one drawn page lies, read in one transaction and loaded outside of it."""

    number: int
    rendered_key: str
    text_layer_key: str | None
    width: int
    height: int

    def load(self) -> RenderedPage:
        """The page as the renderer made it. Raises BlobMissing."""
        from extractor.page.render import RenderedPage
        from extractor.page.words import word_from_list

        layer = json.loads(blobs().get(self.text_layer_key)) if self.text_layer_key else {"words": []}
        words = tuple(word_from_list(item) for item in layer["words"])
        return RenderedPage(
            number=self.number,
            png=blobs().get(self.rendered_key),
            width=self.width,
            height=self.height,
            text_layer=words,
            layer_turn=layer.get("turn", 0),
            scan=layer.get("scan", False),
        )


def make(data: bytes) -> list[ReadPage]:
    """Pages made from an e-invoice that came alone. Raises `extractor.page.triage.Refusal`."""
    from extractor.read import ReadPage
    from extractor.stated.reading import draw_data

    return [ReadPage(page, png) for page, png in draw_data(data)]


def keep_rendered(session: Session, document: Document, pages: Sequence[RenderedPage], now: datetime) -> None:
    """Store the drawn pages in place of what the document had."""
    session.execute(delete(DocumentPage).where(col(DocumentPage.document_id) == document.id))
    for page in pages:
        key = keep(session, document, page.png, now)
        session.add(
            DocumentPage(
                document_id=document.id,
                number=page.number,
                rendered_key=key,
                image_key=key,
                text_layer_key=_keep_layer(session, document, page, now),
                width=page.width,
                height=page.height,
            )
        )
    session.flush()


def keep_made(session: Session, document: Document, made: Sequence[ReadPage], now: datetime) -> None:
    """Store pages that were made from data in place of what the document had: nobody has to read them."""
    session.execute(delete(DocumentPage).where(col(DocumentPage.document_id) == document.id))
    for read in made:
        key, page = keep(session, document, read.png, now), read.page
        row = DocumentPage(
            document_id=document.id, number=page.number, rendered_key=key, image_key=key, width=page.width,
            height=page.height,
        )  # fmt: skip
        keep_read(session, document, row, read, now)
    session.flush()


def _keep_layer(session: Session, document: Document, page: RenderedPage, now: datetime) -> str | None:
    if not page.text_layer:
        return None
    from extractor.page.words import word_to_list

    layer = {"words": [word_to_list(w) for w in page.text_layer], "turn": page.layer_turn, "scan": page.scan}
    return keep(session, document, json.dumps(layer).encode(), now)


def keep_read(session: Session, document: Document, row: DocumentPage, read: ReadPage, now: datetime) -> None:
    """Store the words of one page and the upright image that their boxes refer to."""
    row.image_key = keep(session, document, read.png, now)
    row.words_key = keep(session, document, json.dumps(read.page.to_json()).encode(), now)
    row.width, row.height = read.page.width, read.page.height
    row.engine, row.rotation, row.cpu_seconds = read.page.engine, read.page.rotation, read.cpu_seconds
    row.problems = list(read.page.problems)
    row.read_at = now
    session.add(row)


def page_rows(session: Session, document_id: str) -> list[DocumentPage]:
    """The pages of a document in order."""
    rows = select(DocumentPage).where(DocumentPage.document_id == document_id).order_by(col(DocumentPage.number))
    return list(session.exec(rows))


def load_words(row: DocumentPage) -> Page:
    """The words of a page that was read. Raises BlobMissing."""
    if row.words_key is None:
        raise ValueError(f"page {row.number} of {row.document_id} was not read yet")
    return Page.from_json(json.loads(blobs().get(row.words_key)))


def page_row(session: Session, document_id: str, number: int) -> DocumentPage | None:
    """One page as it is now."""
    page = select(DocumentPage).where(DocumentPage.document_id == document_id, DocumentPage.number == number)
    return session.exec(page.execution_options(populate_existing=True)).first()
