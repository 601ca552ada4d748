"""Files uploaded with progress, each judged on its own."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from sqlmodel import select

from models.states import Role
from models.tables import Document
from tests.web import paper
from tests.web.conftest import Site

pytestmark = pytest.mark.web


def test_files_are_uploaded_with_progress_and_refusals_are_told(site: Site, context: BrowserContext):
    site.person("ada", Role.ADMIN)
    page = site.sign_in(context, "ada")
    page.goto(f"{site.url}/upload")
    png, _, _ = paper.draw()
    files: Any = [
        {"name": "good.png", "mimeType": "image/png", "buffer": png},
        {"name": "empty.pdf", "mimeType": "application/pdf", "buffer": b""},
        {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no document"},
    ]
    page.set_input_files("#file", files)
    expect(page.locator("#summary")).to_have_text("3 of 3 done, 2 refused.")
    expect(page.locator("#files")).to_contain_text("Open it")
    site.fresh()
    assert [document.filename for document in site.session.exec(select(Document)).all()] == ["good.png"]
