"""What is keyed from a stored document is understood as that document writes, by the words that were read of it."""

from __future__ import annotations

import json

import pytest
from sqlmodel import Session

from extractor.doctypes import load_document_types
from extractor.kinds import AmbiguousValue
from hitl.intake.locales import locale_for
from hitl.platform.blobs import blobs
from hitl.work.typed import understood
from models.tables import Workspace
from tests import factories
from tests.extractor.fields.documents import page_of

INVOICE = load_document_types()["invoice"]
DAY = INVOICE.field("issue_date")


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        (["ABN 51 824 753 556", "Invoice date   03/04/2026"], "2026-04-03"),
        (["Albany, NY 12207, USA", "Invoice date   03/04/2026"], "2026-03-04"),
    ],
)
def test_the_words_of_its_pages_decide(session: Session, workspace: Workspace, rows: list[str], day: str):
    document = factories.create_document(session, workspace)
    key = blobs().put(workspace.id, json.dumps(page_of(rows).to_json()).encode())
    factories.create_page(session, document, words_key=key)
    locale = locale_for(session, document, INVOICE, DAY)
    assert understood("date", "03/04/2026", DAY, locale) == day


def test_a_document_that_shows_nothing_leaves_the_question_to_the_person(session: Session, workspace: Workspace):
    document = factories.create_document(session, workspace)
    locale = locale_for(session, document, INVOICE, DAY)
    with pytest.raises(AmbiguousValue) as asked:
        understood("date", "03/04/2026", DAY, locale)
    assert asked.value.readings == ("2026-04-03", "2026-03-04")
    assert understood("date", "03/04/2026", DAY, locale, meant="2026-03-04") == "2026-03-04"
