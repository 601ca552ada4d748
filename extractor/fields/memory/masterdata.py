"""A customer's master data as CSV: verified names and addresses of vendors, facts for the vendor memory.

The header names fields of the document type (`company,address,...`); what stands in any other column, such as a tax,
registration or phone number, recognises the vendor if it has 7 to 14 digits. One vendor, or one of its branches, a row.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Mapping

from extractor import kinds
from extractor.fields.memory.memory import REMEMBERED, Fact
from models.doctype import DocumentType


class MasterDataUnreadable(ValueError):
    """The CSV cannot be used; the message says which line and why."""


def read_master_data(text: str, doctype: DocumentType) -> tuple[Fact, ...]:
    """The facts in the CSV `text` about the names and addresses of `doctype`. Raises `MasterDataUnreadable`."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        remembered = {f.name: f for f in doctype.fields if f.kind in REMEMBERED and not f.repeated}
        if not remembered.keys() & set(header):
            wanted = ", ".join(remembered) or "none of its fields are names or addresses"
            raise MasterDataUnreadable(f"the first line names no field that {doctype.name} can look up: {wanted}")
        return tuple(fact for row in rows if any(row) for fact in _facts(row, header, doctype, rows.line_num))
    except csv.Error as error:
        raise MasterDataUnreadable(f"line {rows.line_num}: {error}") from error


def facts_by_type(texts: Mapping[str, str], types: Mapping[str, DocumentType]) -> dict[str, tuple[Fact, ...]]:
    """Facts of each document type from its CSV. One whose columns the type no longer has is left out."""
    found = {}
    for name, text in texts.items():
        with contextlib.suppress(MasterDataUnreadable, KeyError):
            found[name] = read_master_data(text, types[name])
    return found


def _facts(row: list[str], header: list[str], doctype: DocumentType, line: int) -> list[Fact]:
    if len(row) != len(header):
        raise MasterDataUnreadable(f"line {line}: {len(row)} cells under {len(header)} headings")
    cells = dict(zip(header, row, strict=True))
    fields = {f.name: f for f in doctype.fields}
    digits = (re.sub(r"\D", "", value) for name, value in cells.items() if name not in fields)
    numbers = frozenset(n for n in digits if 7 <= len(n) <= 14)
    found = []
    for name, text in cells.items():
        spec = fields.get(name)
        if spec and spec.kind in REMEMBERED and not spec.repeated:
            value = kinds.normalise(spec.kind, text, doctype, spec)
            if value:
                found.append(Fact(name, value, kinds.key(spec.kind, value), numbers))
    return found
