"""What the recognising child process does. It imports no database, so that it starts soon and can reach none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import extractor.recognise
from extractor.page.render import decode_png
from extractor.recognise import Recogniser
from extractor.stated.reading import from_header
from models.doctype import DocumentType
from models.nets.bundle import INDEX, Bundle
from models.values import Page


def recognise_job(header: dict[str, Any], images: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """Words and images in, a recognition out. The bundle stays loaded for the next document."""
    pages = [Page.from_json(page) for page in header["pages"]]
    pictures = {page.number: image for page, image in zip(pages, images, strict=True)}
    recognition = extractor.recognise.recognise(
        pages,
        recogniser(header["folder"], header["types"], header["master_data"]).without_text_models(header["unread"]),
        header["document_type"],
        image_of=lambda number: decode_png(pictures[number]),
        today=date.fromisoformat(header["today"]),
        stated=from_header(header["stated"]),
    )
    return recognition.to_json(), []


def recogniser(folder: str, types: Mapping[str, Any], master_data: Mapping[str, str]) -> Recogniser:
    """The bundle in `folder`, for these document types and with this master data: CSV by type."""
    known = json.dumps(types, sort_keys=True)
    if not master_data:
        return _loaded(folder, known)
    return _with_master_data(folder, known, json.dumps(master_data, sort_keys=True))


@lru_cache(maxsize=2)
def _with_master_data(folder: str, types: str, master_data: str) -> Recogniser:
    from extractor.fields.memory.masterdata import facts_by_type

    plain = _loaded(folder, types)  # shared by all workspaces: a bundle takes long to unpack
    return plain.with_master_data(facts_by_type(json.loads(master_data), plain.types))


@lru_cache(maxsize=2)
def _loaded(folder: str, types: str) -> Recogniser:
    parsed = {name: DocumentType.model_validate(spec) for name, spec in json.loads(types).items()}
    # without a bundle nothing was learnt yet, and everything goes to people
    bundle = Bundle.load(Path(folder)) if (Path(folder) / INDEX).exists() else Bundle()
    return Recogniser.from_bundle(bundle, parsed)
