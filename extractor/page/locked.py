"""Opening a PDF, and saying before it is taken in that it cannot be: some need a password."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from extractor.page.triage import Encrypted, Limits, Unrenderable
from extractor.processes import sandbox

if TYPE_CHECKING:
    import pypdfium2

OPEN_SECONDS = 10.0
LOCKED = "The PDF is protected by a password."


def refuse_locked(data: bytes, limits: Limits) -> None:
    """Raises `Encrypted` for a PDF that cannot be opened without a password. Other faults show when it is drawn."""
    with contextlib.suppress(sandbox.SandboxFailed):
        answer, _ = sandbox.call(
            "extractor.page.locked:locked_job", {}, [data], seconds=OPEN_SECONDS, memory_bytes=limits.memory_bytes
        )
        if answer["locked"]:
            raise Encrypted(LOCKED)


# --- in the child -----------------------------------------------------------------------------------------------------


def locked_job(_header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Whether the PDF needs a password."""
    try:
        open_pdf(blobs[0]).close()
    except Encrypted:
        return {"locked": True}, []
    except Unrenderable:
        pass
    return {"locked": False}, []


def open_pdf(data: bytes) -> pypdfium2.PdfDocument:
    """The document. Raises `Encrypted` or `Unrenderable`."""
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise Encrypted(LOCKED) from error
        raise Unrenderable("The PDF cannot be opened; it seems to be damaged.") from error
