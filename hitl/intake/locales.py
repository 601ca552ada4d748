"""How a stored document writes dates and numbers: inferred from the words that were read of its pages."""

from __future__ import annotations

from sqlmodel import Session

from extractor.kinds import Locale, locale_of, of_field
from extractor.locales import infer_locale
from hitl.intake.pages import load_words, page_rows
from models.doctype import DocumentType, FieldSpec
from models.tables import Document


def locale_for(session: Session, document: Document, spec: DocumentType | None, field: FieldSpec | None) -> Locale:
    """The locale in which what was typed from `document` is understood. Raises BlobMissing."""
    if spec is None or not spec.mixed_locales:
        return locale_of(spec, field)
    words = [load_words(row).text for row in page_rows(session, document.id) if row.words_key is not None]
    return of_field(infer_locale("\n".join(words), spec), field)
