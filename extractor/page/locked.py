"""Opening a PDF, and saying before it is taken in that it cannot be: some need a password, some are shells."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from extractor.page.triage import REFUSALS, Encrypted, FormShell, Limits, Refusal, Unrenderable
from extractor.processes import sandbox

if TYPE_CHECKING:
    import pypdfium2

OPEN_SECONDS = 10.0
LOCKED = "The PDF is protected by a password."


SHELL = "The PDF is a form (XFA) that only programs of Adobe can draw; its pages say no more than that."
SIGNS = (b"/Encrypt", b"/XFA")  # they stand in plain sight in most of the files that are due a refusal


def refuse_locked(data: bytes, limits: Limits) -> None:
    """Raises `Encrypted` for a PDF that needs a password, `FormShell` for a dynamic form.

    Only files that show a sign of it are opened. What else is wrong, and what hides its signs, shows when it is drawn.
    """
    if not any(sign in data for sign in SIGNS):
        return
    with contextlib.suppress(sandbox.SandboxFailed):
        answer, _ = sandbox.call(
            "extractor.page.locked:locked_job", {}, [data], seconds=OPEN_SECONDS, memory_bytes=limits.memory_bytes
        )
        if answer["refusal"]:
            raise REFUSALS[answer["refusal"]](answer["message"])


# --- in the child -----------------------------------------------------------------------------------------------------


def locked_job(_header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The refusal that is due, if it is one of these."""
    try:
        with open_pdf(blobs[0]) as document:
            refuse_shell(document)
    except (Encrypted, FormShell) as refusal:
        return {"refusal": refusal.code, "message": refusal.message}, []
    except Refusal:
        pass
    return {"refusal": None}, []


def refuse_shell(document: pypdfium2.PdfDocument) -> None:
    """Raises `FormShell` for a form in XFA none of whose fields stands on a page: those are drawn from a program."""
    import pypdfium2.raw as raw

    if document.get_formtype() not in (raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND):
        return
    for page in document:
        for index in range(raw.FPDFPage_GetAnnotCount(page.raw)):
            annotation = raw.FPDFPage_GetAnnot(page.raw, index)
            subtype = raw.FPDFAnnot_GetSubtype(annotation)
            raw.FPDFPage_CloseAnnot(annotation)
            if subtype == raw.FPDF_ANNOT_WIDGET:
                return
    raise FormShell(SHELL)


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
