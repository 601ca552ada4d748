"""What a PDF's dictionaries say and PDFium does not: the unit of its pages, whether it is a portfolio."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

OBJECT_STREAM = re.compile(rb"/ObjStm\b[^>]*?>>\s*stream\r?\n", re.DOTALL)
MOST_INFLATED = 20_000_000  # bytes of one object stream: more is a bomb
USER_UNIT = re.compile(rb"/UserUnit[\s\d]")


def user_units(data: bytes) -> dict[int, float]:
    """Points per unit (/UserUnit, PDF 32000-1, 14.11.1) of the pages, from 0, that say so. Empty for a broken file."""
    if not mentions(data, USER_UNIT):
        return {}
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        units = {i: page.user_unit for i, page in enumerate(pypdf.PdfReader(io.BytesIO(data)).pages)}
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return {}
    return {i: float(unit) for i, unit in units.items() if unit != 1 and 0.01 <= unit <= 10_000}


def mentions(data: bytes, name: re.Pattern[bytes]) -> bool:
    """Whether `name` stands in the file's dictionaries, in plain sight or in object streams."""
    return bool(name.search(data)) or any(name.search(objects) for objects in object_streams(data))


def object_streams(data: bytes) -> Iterator[bytes]:
    """The object streams of a PDF that is not encrypted, inflated; what cannot be inflated is left out."""
    for match in OBJECT_STREAM.finditer(data):
        try:
            yield zlib.decompressobj().decompress(data[match.end() :], MOST_INFLATED)
        except zlib.error:
            continue
