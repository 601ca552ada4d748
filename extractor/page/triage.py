"""What a file is, by its bytes, and whether it may come in: media type, limits, and every way to refuse.

Refusal
├── EmptyFile          no bytes at all
├── TooLarge           more bytes than the limit
├── NotADocument       neither PDF, TIFF, JPEG nor PNG
├── Truncated          the end of the file is missing
├── Encrypted          a PDF that needs a password
├── NoPages            a document without a single page
├── TooManyPages       more pages than the limit
├── TooManyPixels      a page larger than the limit
└── Unrenderable       cannot be drawn
    ├── TooSlow        not drawn within the time limit
    └── TooMuchMemory  not drawn within the memory limit
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Limits:
    """How much one file may cost. `max_side` caps the long side of a page image, `dpi` is the aim below that cap."""

    max_bytes: int = 50_000_000
    max_pages: int = 200
    max_pixels: int = 80_000_000
    max_side: int = 2000
    dpi: int = 200
    seconds: int = 60
    memory_bytes: int = 2_000_000_000


class Refusal(Exception):
    """Our answer to bad input: a stable code, a sentence for the person, and what to do next."""

    code: ClassVar[str] = "refused"
    next_step: ClassVar[str] = "Check the file and send it again."

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EmptyFile(Refusal):
    """The file holds no bytes."""

    code = "empty_file"
    next_step = "Send the file again; the upload may have been cut off."


class TooLarge(Refusal):
    """The file is larger than the limit."""

    code = "too_large"
    next_step = "Split the document, or scan it at 200 dpi."


class NotADocument(Refusal):
    """The bytes are no format that we read."""

    code = "not_a_document"
    next_step = "Save it as PDF, TIFF, JPEG or PNG and send that."


class Truncated(Refusal):
    """The end of the file is missing."""

    code = "truncated"
    next_step = "Send the complete file again."


class Encrypted(Refusal):
    """The PDF needs a password."""

    code = "encrypted"
    next_step = "Remove the password and send it again."


class NoPages(Refusal):
    """The document has no page."""

    code = "no_pages"
    next_step = "Check the file in a viewer and send it again."


class TooManyPages(Refusal):
    """The document has more pages than the limit."""

    code = "too_many_pages"
    next_step = "Split the document and send the parts."


class TooManyPixels(Refusal):
    """A page has more pixels than the limit."""

    code = "too_many_pixels"
    next_step = "Scan the page at 200 to 300 dpi and send it again."


class Unrenderable(Refusal):
    """The document cannot be drawn."""

    code = "unrenderable"
    next_step = "Open it in a viewer, print it to a new PDF and send that."


class TooSlow(Unrenderable):
    """Drawing the document took longer than the limit."""

    code = "too_slow"


class TooMuchMemory(Unrenderable):
    """Drawing the document needed more memory than the limit."""

    code = "too_much_memory"


REFUSALS: dict[str, type[Refusal]] = {
    c.code: c
    for c in (
        EmptyFile, TooLarge, NotADocument, Truncated, Encrypted, NoPages, TooManyPages, TooManyPixels,
        Unrenderable, TooSlow, TooMuchMemory,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Triage:
    """What the bytes are."""

    media_type: str
    suffix: str


PDF = Triage("application/pdf", ".pdf")
TIFF = Triage("image/tiff", ".tif")
JPEG = Triage("image/jpeg", ".jpg")
PNG = Triage("image/png", ".png")

HEADER_WINDOW = 1024  # PDF readers accept junk before the header
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def triage(data: bytes, limits: Limits) -> Triage:
    """Media type of `data` by its bytes, never by a name. Raises `Refusal`; parses nothing in depth."""
    if not data:
        raise EmptyFile("The file is empty.")
    if len(data) > limits.max_bytes:
        raise TooLarge(f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted.")
    kind = recognise_bytes(data)
    CHECKS[kind](data, limits)
    return kind


def recognise_bytes(data: bytes) -> Triage:
    """The format by its signature. Raises `NotADocument`."""
    if data.startswith(PNG_SIGNATURE):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith(TIFF_SIGNATURES):
        return TIFF
    if b"%PDF-" in data[:HEADER_WINDOW]:
        return PDF
    raise NotADocument("The file is neither a PDF nor a TIFF, JPEG or PNG image.")


def check_pdf(data: bytes, _: Limits) -> None:
    """A PDF ends in ``%%EOF``. Objects after the last one mean that an appended update was cut."""
    end = data.rfind(b"%%EOF")
    if end < 0 or b" obj" in data[end:]:
        raise Truncated("The PDF stops before its end.")


def check_jpeg(data: bytes, limits: Limits) -> None:
    """Walk the segments to the picture data; its end mark must follow. Decoders paint a cut JPEG grey silently."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        mark = data[at + 1]
        if mark in (0xFF, 0x01) or 0xD0 <= mark <= 0xD8:
            at += 1 if mark == 0xFF else 2
            continue
        if mark == 0xD9:
            break
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC) and at + 9 <= len(data):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            check_pixels(width, height, limits)
        if mark == 0xDA:
            if data.find(b"\xff\xd9", at) < 0:
                break
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise Truncated("The JPEG image stops before its end.")


def check_png(data: bytes, limits: Limits) -> None:
    """Walk the chunks from IHDR to IEND."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name == b"IHDR" and length >= 8 and at + 16 <= len(data):
            width, height = struct.unpack(">II", data[at + 8 : at + 16])
            check_pixels(width, height, limits)
        at += 12 + length
        if name == b"IEND" and at <= len(data):
            return
    raise Truncated("The PNG image stops before its end.")


def check_tiff(data: bytes, _: Limits) -> None:
    """The first directory must lie inside the file; pages are checked where they are decoded, in the child."""
    order = "little" if data[:2] == b"II" else "big"
    big = 43 in data[2:4]
    first = int.from_bytes(data[8:16] if big else data[4:8], order)  # type: ignore[arg-type]
    if first + 2 > len(data):
        raise Truncated("The TIFF image stops before its end.")


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raises `TooManyPixels`, before any of them is decoded."""
    if width * height > limits.max_pixels:
        raise TooManyPixels(f"A page has {width} x {height} pixels; at most {limits.max_pixels:,} are accepted.")


CHECKS: dict[Triage, Callable[[bytes, Limits], None]] = {
    PDF: check_pdf,
    JPEG: check_jpeg,
    PNG: check_png,
    TIFF: check_tiff,
}
