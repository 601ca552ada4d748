"""The document types: one TOML file each, those shipped here and those of a folder of your own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from extractor.checks import unknown_names
from models.doctype import DocumentType, load_document_type

BUILT_IN = Path(__file__).parent


class DocumentTypeUnreadable(ValueError):
    """A TOML file that does not describe a document type; the message names the file and the fault."""


def load_document_types(folder: Path | None = None) -> dict[str, DocumentType]:
    """All document types by name, sorted. Files of `folder` are added, and replace a built-in type of the same name.

    Raises `DocumentTypeUnreadable`.
    """
    types = {spec.name: spec for spec in _read_all(BUILT_IN)}
    if folder is not None:
        types |= {spec.name: spec for spec in _read_all(folder)}
    return dict(sorted(types.items()))


def read_document_type(path: Path) -> DocumentType:
    """One checked document type. Raises `DocumentTypeUnreadable`."""
    try:
        spec = load_document_type(path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise DocumentTypeUnreadable(f"{path}: {error}") from error
    if unknown := unknown_names(spec):
        raise DocumentTypeUnreadable(f"{path}: no such check or validator: {', '.join(unknown)}")
    return spec


def select(types: Mapping[str, DocumentType], names: list[str]) -> dict[str, DocumentType]:
    """The named types; KeyError with the known names if one is missing."""
    missing = sorted(set(names) - set(types))
    if missing:
        raise KeyError(f"no document type {', '.join(missing)}; known: {', '.join(types)}")
    return {name: types[name] for name in names}


def _read_all(folder: Path) -> Iterator[DocumentType]:
    for path in sorted(folder.glob("*.toml")):
        yield read_document_type(path)
