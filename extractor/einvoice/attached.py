"""The XML files that a PDF carries, found by what they are and not by their name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from extractor.einvoice.parse import looks_like_xml
from extractor.einvoice.tree import MOST_BYTES
from extractor.page.locked import open_pdf

MOST_FILES = 64


def xml_files(pdf: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of every XML file in the PDF that is not absurdly large. Raises `Encrypted`, `Unrenderable`."""
    import pypdfium2 as pdfium

    with open_pdf(pdf) as document:
        for index in range(min(document.count_attachments(), MOST_FILES)):
            with contextlib.suppress(pdfium.PdfiumError):
                attachment = document.get_attachment(index)
                content = bytes(attachment.get_data())
                if len(content) <= MOST_BYTES and looks_like_xml(content):
                    yield attachment.get_name(), content
