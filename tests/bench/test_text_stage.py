"""What a page with a good text layer costs: CPU milliseconds by part, and pages a second for its text alone.

`make bench-text` runs this over the advertising buys in COUNTERSIGN_REAL_DATA. All parts run in this process; in
production drawing and reading are two children, and the words travel between them as JSON. The least of three counts,
since whatever else runs on the machine only adds to it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pypdfium2
import pytest

from extractor.measure.cost import rare_collections
from extractor.measure.manifest import read_manifest
from extractor.page import render, words
from extractor.page.textlayer import read_layer
from extractor.page.triage import Limits
from tests.bench.test_guarantee import tell

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

DOCUMENTS, TIMES = 40, 3
PAGES_A_SECOND = 40
TEXT = ("text and boxes", "ink check")  # what the words cost beside the picture that people see


def spend(spent: Counter[str], name: str, work: Callable[..., Any], *given: Any) -> Any:
    before = time.process_time()
    found = work(*given)
    spent[name] += round(1e6 * (time.process_time() - before))
    return found


def cost_of(page: Any) -> Counter[str] | None:
    """Microseconds by part; None for a page whose text layer is not taken."""
    spent: Counter[str] = Counter()
    scale = min(Limits().dpi / 72, Limits().max_side / max(page.get_size()))
    image = spend(spent, "drawing", render.PDF_RENDERERS["pypdfium2"], b"", page, 0, scale)
    layer = spend(spent, "text and boxes", read_layer, page, image.shape[1], image.shape[0])
    png = spend(spent, "PNG for people", render.encode_png, image)
    stored = spend(spent, "unpacking it", render.decode_as_stored, png)
    read = spend(spent, "ink check", words.read_words, stored, layer, "tesserocr", 1) if layer.words else None
    return spent if read and read.engine.startswith("text_layer") and not layer.scan else None


def least_cost_of(page: Any) -> Counter[str] | None:
    costs = [cost for cost in (cost_of(page) for _ in range(TIMES)) if cost]
    return Counter({part: min(cost[part] for cost in costs) for part in costs[0]}) if costs else None


@pytest.mark.skipif("COUNTERSIGN_REAL_DATA" not in os.environ, reason="needs the real documents")
def test_the_text_of_a_page_costs_a_fortieth_of_a_second() -> None:
    cv2.setNumThreads(1)
    manifest = Path(os.environ["COUNTERSIGN_REAL_DATA"]) / "adbuy" / "manifest.jsonl"
    total, pages = Counter[str](), 0
    with rare_collections():  # as in the children
        for number, entry in enumerate(read_manifest(manifest, "dev", DOCUMENTS)):
            document = pypdfium2.PdfDocument(entry.path.read_bytes())
            document.init_forms()
            found = [cost for cost in (least_cost_of(page) for page in document) if cost]
            if number:  # the first one loads Tesseract
                total.update({part: sum(c[part] for c in found) for part in found[0]} if found else {})
                pages += len(found)
    speed = 1e6 * pages / sum(total[part] for part in TEXT)
    milliseconds = {part: round(spent / pages / 1000, 1) for part, spent in total.items()}
    tell("text_stage", pages=pages, milliseconds=milliseconds, pages_a_second_beside_drawing=round(speed, 1))
    assert speed >= PAGES_A_SECOND
