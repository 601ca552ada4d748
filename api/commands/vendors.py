"""The option `--vendors` of `countersign learn`: a customer's master data as CSV, by document type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.shared import CommandError

if TYPE_CHECKING:
    from extractor.fields.memory.memory import Fact
    from models.doctype import DocumentType

Vendors = Annotated[
    Path | None,
    typer.Option(
        "--vendors",
        help="Master data of vendors as CSV: columns named like fields (company, address), numbers of the vendor in "
        "any other column. It corrects what is misread of a vendor.",
    ),
]


def facts_of(path: Path | None, types: Mapping[str, DocumentType], memory: bool) -> dict[str, tuple[Fact, ...]]:
    """Facts by document type. A type that has none of the columns has no facts; that no type has any is a mistake."""
    if path is None:
        return {}
    if not memory:
        raise CommandError("Master data is kept in the memory, which --no-memory leaves out.", "Leave out one of them.")
    from extractor.fields.memory.masterdata import MasterDataUnreadable, read_master_data

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}", "Name a CSV file in UTF-8.") from error
    found: dict[str, tuple[Fact, ...]] = {}
    problem = ""
    for name, spec in types.items():
        try:
            found[name] = read_master_data(text, spec)
        except MasterDataUnreadable as error:
            problem = str(error)
    if not found:
        raise CommandError(f"{path}: {problem}", "The first line names the fields, e.g. company,address,tax_number.")
    return found
