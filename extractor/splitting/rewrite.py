"""A file of several documents as one file each: pages of a PDF, frames of a picture. In a child process."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from extractor.page.locked import open_pdf
from extractor.page.triage import KINDS, PDF, REFUSALS, TIFF, Limits, Refusal, TooSlow, Triage, Unrenderable, triage
from extractor.processes import sandbox

DAMAGED = "The pages cannot be written anew; the file seems to be damaged."


def rewrite(data: bytes, parts: Sequence[tuple[int, int]], limits: Limits) -> tuple[Triage, list[bytes]]:
    """One file for each first and last page, and what kind they are. Raises `Refusal`."""
    kind = triage(data, limits)
    header = {"suffix": kind.suffix, "parts": [list(part) for part in parts], "limits": asdict(limits)}
    try:
        answer, files = sandbox.call(
            "extractor.splitting.rewrite:rewrite_job",
            header,
            [data],
            seconds=limits.seconds,
            memory_bytes=limits.memory_bytes,
        )
    except sandbox.ChildTimedOut as error:
        raise TooSlow(f"The pages could not be written anew within {limits.seconds} seconds.") from error
    except sandbox.SandboxFailed as error:
        raise Unrenderable(DAMAGED) from error
    if "refusal" in answer:
        raise REFUSALS[answer["refusal"]](answer["message"])
    return (PDF if kind == PDF else TIFF), files


# --- in the child -----------------------------------------------------------------------------------------------------


def rewrite_job(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child does."""
    write = _of_pdf if KINDS[header["suffix"]] == PDF else _of_picture
    try:
        return {}, [write(blobs[0], first, last) for first, last in header["parts"]]
    except Refusal as refusal:
        return {"refusal": refusal.code, "message": refusal.message}, []


def _of_pdf(data: bytes, first: int, last: int) -> bytes:
    import pypdfium2 as pdfium

    out = io.BytesIO()
    try:
        with open_pdf(data) as whole, pdfium.PdfDocument.new() as part:
            part.import_pages(whole, list(range(first - 1, last)))
            part.save(out)
    except pdfium.PdfiumError as error:
        raise Unrenderable(DAMAGED) from error
    return out.getvalue()


def _of_picture(data: bytes, first: int, last: int) -> bytes:
    """Frames of a TIFF, GIF or WebP as a TIFF, pixel by pixel as they were."""
    import pi_heif
    from PIL import Image, ImageSequence

    pi_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # the pages were drawn, so that their sizes are known to be allowed
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as picture:
            frames = [f.copy() for n, f in enumerate(ImageSequence.Iterator(picture), start=1) if first <= n <= last]
        dpi = {"dpi": frames[0].info["dpi"]} if "dpi" in frames[0].info else {}
        frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:], compression="tiff_adobe_deflate", **dpi)
    except (OSError, SyntaxError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise Unrenderable(DAMAGED) from error
    return out.getvalue()
