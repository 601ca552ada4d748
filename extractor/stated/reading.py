"""What a file states: its XML and form fields, read in a child for they are a stranger's, and codes on its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from extractor.codes.mrz import statements_of_zones
from extractor.codes.payment import statements_of_codes
from extractor.page.triage import NotADocument
from extractor.processes import sandbox
from models.values import Page, Statement

DOCUMENT_TYPE = "document_type"  # the term of the type itself
SECONDS = 30.0
MEMORY_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Stated:
    """The statements of a file, and what is wrong with them in words."""

    statements: tuple[Statement, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def document_type(self) -> str | None:
        """The type that the file says it is, if it says so."""
        return next((s.value for s in self.statements if s.term == DOCUMENT_TYPE), None)

    @property
    def source_of_type(self) -> str:
        """What says so: xml or mrz."""
        return next((s.source for s in self.statements if s.term == DOCUMENT_TYPE), "")


NOTHING = Stated()
MADE_FROM_DATA = "made_from_data: the file is data alone, and its pages were drawn from it"


def read_data(data: bytes, beside: Mapping[str, bytes] | None = None) -> Stated:
    """What XML in the file `data`, or in files `beside` it (by name), and the filled fields of a form state.

    A file that breaks the child states nothing, and that is a problem of the document, not an error.
    """
    header, blobs = {"beside": list(beside or {})}, [data, *(beside or {}).values()]
    try:
        answer, _ = sandbox.call(
            "extractor.stated.child:data_job", header, blobs, seconds=SECONDS, memory_bytes=MEMORY_BYTES
        )
    except sandbox.SandboxFailed as error:
        return Stated(problems=(f"data_not_read: the data in the file could not be read ({error})",))
    return from_header(answer)


def read_stated(data: bytes, pages: Sequence[Page], beside: Mapping[str, bytes] | None = None) -> Stated:
    """What the file states beside its print: its XML or that of the files beside it, form fields, payment codes."""
    return joined(read_data(data, beside), read_codes(pages))


def check_data(data: bytes) -> None:
    """Raises `NotADocument` for XML that is no e-invoice."""
    _with_einvoice("check_job", data)


def draw_data(data: bytes) -> list[tuple[Page, bytes]]:
    """Pages made from an e-invoice that came alone, each with its PNG. Raises `NotADocument`."""
    answer, pictures = _with_einvoice("sheet_job", data)
    return [(Page.from_json(page), png) for page, png in zip(answer["pages"], pictures, strict=True)]


def _with_einvoice(job: str, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    try:
        answer, blobs = sandbox.call(
            f"extractor.stated.child:{job}", {}, [data], seconds=SECONDS, memory_bytes=MEMORY_BYTES
        )
    except sandbox.SandboxFailed as error:
        raise NotADocument("The XML cannot be read.") from error
    if "refusal" in answer:
        raise NotADocument(f"The file is XML, but no e-invoice that is known: {answer['refusal']}.")
    return answer, blobs


def read_codes(pages: Sequence[Page]) -> Stated:
    """What payment codes on the pages state."""
    return Stated(*statements_of_codes(pages))


def read_zones(pages: Sequence[Page], today: date | None = None) -> Stated:
    """What the lines for machines of an identity paper state, which are print like any other."""
    return Stated(statements_of_zones(pages, today))


def joined(*parts: Stated) -> Stated:
    """All statements and problems together."""
    return Stated(
        tuple(s for part in parts for s in part.statements), tuple(p for part in parts for p in part.problems)
    )


def as_header(stated: Stated) -> dict[str, Any]:
    """For another process; `from_header` is its inverse."""
    return {"statements": [s.to_json() for s in stated.statements], "problems": list(stated.problems)}


def from_header(header: Mapping[str, Any]) -> Stated:
    return Stated(tuple(Statement.from_json(s) for s in header["statements"]), tuple(header["problems"]))
