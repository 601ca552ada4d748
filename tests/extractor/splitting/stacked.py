"""Generated documents put into one PDF, as somebody scans or prints them in a row."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import pypdfium2 as pdfium

from fixtures.generate import make


def document(kind: str, seed: int, who: str = "a") -> bytes:
    """A generated document as PDF with its text."""
    return make(kind, random.Random(f"{kind}/{seed}"), who, "one", carriers=["pdf"]).data


def stack(files: Sequence[bytes]) -> bytes:
    """The pages of all files, in order, as one PDF."""
    out = io.BytesIO()
    with pdfium.PdfDocument.new() as whole:
        for data in files:
            with pdfium.PdfDocument(data) as part:
                whole.import_pages(part)
        whole.save(out)
    return out.getvalue()


def page_counts(files: Sequence[bytes]) -> list[int]:
    return [len(pdfium.PdfDocument(data)) for data in files]
