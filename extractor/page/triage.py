"""What a file is, by its bytes, and whether it may come in: media type, limits, and every way to refuse.

Refusal
├── EmptyFile          no bytes at all
├── TooLarge           more bytes than the limit
├── NotADocument       no format that we read
├── Archive            a ZIP or the like: what is in it has to be sent
├── OfficeFile         a text, a table or slides of an office program
├── FormShell          a PDF whose pages exist only within Adobe's programs (dynamic XFA)
├── Truncated          the end of the file is missing
├── Encrypted          a PDF or an office file that needs a password
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

from extractor.page.foreign import what_it_is


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
    next_step = "Save it as PDF, JPEG, PNG or TIFF and send that."


class Archive(Refusal):
    """Files packed into one."""

    code = "archive"
    next_step = "Unpack it and send the files in it."


class OfficeFile(Refusal):
    """A text, a table or slides, which look different on each machine."""

    code = "office_file"
    next_step = "Save it as PDF in the program that made it and send that."


class FormShell(Refusal):
    """A dynamic XFA form: the file holds data and a program that draws it, and one page that says so."""

    code = "form_shell"
    next_step = "Open it in Adobe Reader, print it to a new PDF and send that."


class Truncated(Refusal):
    """The end of the file is missing."""

    code = "truncated"
    next_step = "Send the complete file again."


class Encrypted(Refusal):
    """The file needs a password."""

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
        EmptyFile, TooLarge, NotADocument, Archive, OfficeFile, FormShell, Truncated, Encrypted, NoPages, TooManyPages,
        TooManyPixels, Unrenderable, TooSlow, TooMuchMemory,
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
WEBP = Triage("image/webp", ".webp")
BMP = Triage("image/bmp", ".bmp")
GIF = Triage("image/gif", ".gif")
JPEG_2000 = Triage("image/jp2", ".jp2")
HEIC = Triage("image/heic", ".heic")
XML = Triage("application/xml", ".xml")  # data alone: its pages are made, not drawn
KINDS: dict[str, Triage] = {k.suffix: k for k in (PDF, TIFF, JPEG, PNG, WEBP, BMP, GIF, JPEG_2000, HEIC)}

FOREIGN: dict[str, type[Refusal]] = {c.code: c for c in (NotADocument, Archive, OfficeFile, Encrypted)}

HEADER_WINDOW = 1024  # PDF readers accept junk before the header
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIGNATURES: tuple[tuple[Triage, tuple[bytes, ...]], ...] = (
    (PNG, (PNG_SIGNATURE,)),
    (JPEG, (b"\xff\xd8\xff",)),
    (TIFF, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (GIF, (b"GIF87a", b"GIF89a")),
    (JPEG_2000, (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
)
BMP_HEADERS = (
    b"\x0c\0\0\0",
    b"\x28\0\0\0",
    b"\x40\0\0\0",
    b"\x6c\0\0\0",
    b"\x7c\0\0\0",
)  # lengths of its second header
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")  # of the box ``ftyp``, ISO/IEC 23008-12


def triage(data: bytes, limits: Limits) -> Triage:
    """Media type of `data` by its bytes, never by a name. Raises `Refusal`; parses nothing in depth."""
    if not data:
        raise EmptyFile("The file is empty.")
    if len(data) > limits.max_bytes:
        raise TooLarge(f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted.")
    kind = recognise_bytes(data)
    if kind in CHECKS:
        CHECKS[kind](data, limits)
    return kind


def recognise_bytes(data: bytes) -> Triage:
    """The format by its signature. Raises `NotADocument`, `Archive`, `OfficeFile`; `Encrypted` for office files."""
    for kind, signatures in SIGNATURES:
        if data.startswith(signatures):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[:2] == b"BM" and data[6:10] == bytes(4) and data[14:18] in BMP_HEADERS:
        return BMP
    if data[4:8] == b"ftyp" and any(brand in HEIC_BRANDS for brand in _brands(data)):
        return HEIC
    if (other := what_it_is(data)) is not None:  # before the PDF: an archive may hold one unpacked
        raise FOREIGN[other.refusal](other.sentence)
    if b"%PDF-" in data[:HEADER_WINDOW]:
        return PDF
    if _is_xml(data):
        return XML
    raise NotADocument("The file is no PDF and no picture of a format that is read here.")


def _is_xml(data: bytes) -> bool:
    from extractor.einvoice.parse import looks_like_xml  # here, for most files are none and need no reader of XML

    return looks_like_xml(data)


def _brands(data: bytes) -> list[bytes]:
    """What a file in boxes says that it can be read as."""
    return [data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4], "big"), 256), 4))]


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


def check_webp(data: bytes, _: Limits) -> None:
    """The container says how long it is."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data) + 1:  # some writers leave the last pad byte out
        raise Truncated("The WebP image stops before its end.")


def check_boxes(data: bytes, _: Limits) -> None:
    """Walk the boxes of HEIC and JP2 (ISO/IEC 14496-12); the last one must end in the file."""
    if data.startswith(b"\xff\x4f"):  # a bare JPEG 2000 codestream has none
        return
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8:  # 0: up to the end of the file
            return
        at += length
    if at > len(data):
        raise Truncated("The image stops before its end.")


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raises `TooManyPixels`, before any of them is decoded."""
    if width * height > limits.max_pixels:
        raise TooManyPixels(f"A page has {width} x {height} pixels; at most {limits.max_pixels:,} are accepted.")


CHECKS: dict[Triage, Callable[[bytes, Limits], None]] = {
    PDF: check_pdf,
    JPEG: check_jpeg,
    PNG: check_png,
    TIFF: check_tiff,
    WEBP: check_webp,
    HEIC: check_boxes,
    JPEG_2000: check_boxes,
}
