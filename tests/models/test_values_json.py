"""Values survive the way through JSON, which is how they travel between processes and into blobs."""

from __future__ import annotations

import json

from models.values import Box, Item, Page, Reading, Recognition, ValueState, Word


def test_a_page_survives_json():
    word = Word("Total", Box(0.1, 0.2, 0.3, 0.25), 0.93, 4, 2)
    page = Page(2, 850, 1100, (word,), "rapidocr/3.10", 90, ("no_text",))
    assert Page.from_json(json.loads(json.dumps(page.to_json()))) == page


def test_a_recognition_survives_json():
    box = Box(0.1, 0.2, 0.3, 0.25)
    items = (Item("KQED", "KQED", 0.9, 1, box), Item("KPIX", "KPIX", 0.8))
    found = Reading("stations", ValueState.FOUND, ["KQED", "KPIX"], "KQED KPIX", 0.8, 1, box, (box,), items)
    absent = Reading("total", ValueState.NOT_FOUND, None, None, 0.7, alternatives=(("12.00", 0.1),))
    recognition = Recognition("receipt", 0.98, (found, absent), "bundle-1", ("several_documents",))
    assert Recognition.from_json(json.loads(json.dumps(recognition.to_json()))) == recognition
