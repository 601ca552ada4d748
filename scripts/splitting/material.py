"""Documents to stack: the labelled ones of a folder and generated ones, with their pages as the splitter sees them."""

from __future__ import annotations

import json
from pathlib import Path

from api.commands.many import setup_of
from extractor.batch import Job, read_all
from extractor.measure.manifest import Entry, read_manifest
from extractor.splitting.looks import look
from scripts.bundle import INVOICES, generated, manifests
from scripts.splitting.stacks import Whole

FAMILY = ("seller", "company", "advertiser", "registrant_name")  # fields that tell documents of one sender


def wholes(data: Path, work: Path, cache: Path, split: str, made: bool = True) -> list[Whole]:
    """The documents of a split, and generated ones, read to words and looked at."""
    files = [(manifest.parent.name, entry) for manifest in manifests(data) for entry in read_manifest(manifest, split)]
    if made:
        files += [
            (folder.parent.name, entry) for folder in generated(work, INVOICES) for entry in read_manifest(folder)
        ]
    vendors = _vendors([entry for _, entry in files])
    setup = setup_of(None, None, None, cache, "rapidocr", needs_bundle=False, data=False)
    read = {words.name: words.pages for words in read_all([Job(e.path, str(e.path)) for _, e in files], setup, 1)}
    found = []
    for kind, entry in files:
        pages = read[str(entry.path)]
        if pages:
            family = vendors.get(str(entry.path), "") or _family(entry)
            group = f"{kind} {family or entry.group or entry.file}"
            found.append(Whole(entry.document_type or kind, family, group, tuple(look(page) for page in pages)))
    return found


def _family(entry: Entry) -> str:
    if entry.group:
        return entry.group
    known = next((entry.labels[name] for name in FAMILY if isinstance(entry.labels.get(name), str)), "")
    return str(known).casefold()


def _vendors(entries: list[Entry]) -> dict[str, str]:
    """The invented sender of each generated document."""
    found: dict[str, str] = {}
    for folder in {entry.path.parent for entry in entries}:
        for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
            of = json.loads(line)
            found[str(folder / of["file"])] = of.get("vendor", "")
    return found
