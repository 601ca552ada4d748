"""Learning the wording of a type: judged on documents that were not seen, used only where it helps."""

from __future__ import annotations

import pytest

from extractor.fields.labels import Label, TrainingDocument
from extractor.learn import learn
from extractor.recognise import Recogniser
from extractor.rereading.learn import learn_reader
from models.doctype import DocumentType
from models.nets.bundle import Bundle
from models.values import Page, ValueState
from tests.extractor.rereading.test_rereading import page_of

SLIP = DocumentType.model_validate({
    "name": "slip",
    "label": "Slip",
    "description": "A slip.",
    "fields": [{"name": "seller", "kind": "name"}, {"name": "total", "kind": "money"}],
})  # fmt: skip
SELLER = "SYARIKAT GIN KEE"
TORN = {9: {"C": 0.6, "G": 0.4}}


def document(number: int, said: str = SELLER, page: Page | None = None) -> TrainingDocument:
    label = Label(ValueState.FOUND, said)
    pages = (page or page_of("SYARIKAT CIN KEE", TORN),)
    return TrainingDocument(f"d{number}", f"g{number}", "slip", pages, {"seller": label})


def test_documents_are_read_by_what_the_others_confirmed() -> None:
    reader = learn_reader([document(n) for n in range(10)], SLIP, seed=1)
    assert reader.learned.used
    assert reader.learned.effect.gained == 10
    assert reader.learned.effect.fields == {"seller": 10}
    assert {d.pages[0].text for d in reader.documents} == {SELLER}


def test_a_document_is_never_read_by_its_own_transcript() -> None:
    alone = document(99, "SYARIKAT CIN KEE", page_of("SYARIKAT GIN KEE", {9: {"G": 0.6, "C": 0.4}}))
    reader = learn_reader([*(document(n) for n in range(10)), alone], SLIP, seed=1)
    assert reader.documents[-1].pages[0].text == SELLER


def test_what_makes_right_lines_wrong_is_not_used() -> None:
    right = page_of("SYARIKAT CIN KEE", TORN)
    documents = [document(n, SELLER, page_of(SELLER, {})) for n in range(5)]
    documents += [document(n, "SYARIKAT CIN KEE", right) for n in range(5, 7)]
    reader = learn_reader(documents, SLIP, seed=1)
    assert not reader.learned.used
    assert [d.pages for d in reader.documents] == [d.pages for d in documents]


def test_held_documents_can_refuse_it() -> None:
    held = [document(50 + n, "SYARIKAT CIN KEE") for n in range(3)]
    assert not learn_reader([document(n) for n in range(10)], SLIP, seed=1, held=held).learned.used


@pytest.mark.slow
def test_a_bundle_reads_by_it_says_so_and_can_do_without(tmp_path) -> None:
    bundle, report = learn([document(n) for n in range(10)], {"slip": SLIP}, None, 1)
    assert report.readers["slip"].used
    bundle.save(tmp_path)
    assert list(tmp_path.glob("reader-*.json.xz"))
    recogniser = Recogniser.from_bundle(Bundle.load(tmp_path), {"slip": SLIP})
    pages = document(77).pages
    assert recogniser.reread(pages, "slip")[0].text == SELLER
    model = recogniser.model("slip")
    assert model is not None
    seller = next(r for r in model.read(recogniser.reread(pages, "slip")) if r.field == "seller")
    assert seller.provenance["read_as"] == "SYARIKAT CIN KEE"
    assert recogniser.without_text_models(["slip"]).reread(pages, "slip") == pages
    without = bundle.with_section("reader/", ({}, {}, {}))
    without.save(tmp_path)
    assert not list(tmp_path.glob("reader-*.json.xz"))
