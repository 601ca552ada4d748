"""The splitter that ships on generated stacks: several documents are parted, one document stays one."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image

from extractor.bundle import BUILT_IN
from extractor.doctypes import load_document_types
from extractor.page.triage import Limits, Unrenderable
from extractor.read import Extraction, extract_documents, read_document
from extractor.recognise import Recogniser
from extractor.splitting.cuts import ONE, Cuts, parts_of
from extractor.splitting.rewrite import rewrite
from extractor.splitting.splitter import SEVERAL, Splitter, built_in
from models.nets.bundle import Bundle
from tests.extractor.splitting.stacked import document, page_counts, stack


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser.from_bundle(Bundle.load(BUILT_IN), load_document_types(None))


def test_a_stack_of_kinds_is_cut_where_its_documents_begin() -> None:
    found = boundaries = false = 0
    for seed in range(6):
        files = [document(kind, seed) for kind in ("trade_invoice", "ad_buy", "nda", "trade_invoice")]
        counts = page_counts(files)
        starts = {1 + sum(counts[:k]) for k in range(1, len(counts))}
        cuts = set(built_in().cuts(read_document(stack(files)).pages).starts)
        found, boundaries, false = found + len(cuts & starts), boundaries + len(starts), false + len(cuts - starts)
    assert found >= 0.9 * boundaries
    assert false <= 0.1 * boundaries


def test_invoices_of_one_seller_are_parted() -> None:
    files = [document("invoice", seed, "same") for seed in range(3)]
    counts = page_counts(files)
    cuts = built_in().cuts(read_document(stack(files)).pages)
    assert set(cuts.starts) == {1 + sum(counts[:k]) for k in range(1, len(counts))}


@pytest.mark.parametrize("kind", ["ad_buy", "nda"])
def test_a_document_of_several_pages_is_never_cut(kind: str) -> None:
    for seed in range(6):
        cuts = built_in().cuts(read_document(document(kind, seed)).pages)
        assert not (cuts.sure and cuts.starts)


def test_one_page_is_one_document() -> None:
    assert built_in().cuts(read_document(document("trade_invoice", 1)).pages[:1]) == ONE


def test_an_empty_page_in_front_is_no_document() -> None:
    (page,) = read_document(document("trade_invoice", 1)).pages[:1]
    assert built_in().cuts([replace(page, words=()), replace(page, number=2)]) == Cuts((), True, (0.0,))


def test_each_document_of_a_file_has_its_own_values_and_pages(recogniser: Recogniser) -> None:
    files = [document("trade_invoice", seed, f"seller {seed}") for seed in (1, 2, 3)]
    parts = extracted(stack(files), recogniser)
    alone = [extracted(data, recogniser)[0] for data in files]
    assert [one.part for one in parts] == [1, 2, 3]
    assert [one.parts for one in parts] == [3, 3, 3]
    assert [one.page_range[0] for one in parts] == [1, *(1 + sum(page_counts(files)[:k]) for k in (1, 2))]
    assert [number_of(one) for one in parts] == [number_of(one) for one in alone]


def test_a_file_in_doubt_stays_whole_without_a_value_at_half(
    recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Splitter, "cuts", lambda _, pages: Cuts((2,), sure=False))
    (found,) = extracted(stack([document("trade_invoice", 1), document("trade_invoice", 2)]), recogniser)
    assert found.problems[0] == SEVERAL
    assert max(reading.confidence for reading in found.recognition.readings) < 0.5
    assert json.dumps(found.page_range)


def extracted(data: bytes, recogniser: Recogniser) -> list[Extraction]:
    return extract_documents(data, recogniser)


def number_of(found: Extraction) -> object:
    return next(r.value for r in found.recognition.readings if r.field == "number")


# --- the pages as files of their own ---


def test_pages_of_a_pdf_become_files_with_their_text() -> None:
    files = [document("nda", 1), document("trade_invoice", 2)]
    first, second = page_counts(files)
    kind, parts = rewrite(stack(files), parts_of([first + 1], first + second), Limits())
    assert kind.media_type == "application/pdf"
    assert page_counts(parts) == [first, second]
    assert text_of(parts[1]) == text_of(files[1])


def text_of(data: bytes) -> str:
    return "".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(data))


def test_frames_of_a_picture_become_tiffs_of_the_same_pixels() -> None:
    frames = [Image.new("L", (300, 200), shade) for shade in (10, 90, 200)]
    out = io.BytesIO()
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:], dpi=(300, 300))
    kind, parts = rewrite(out.getvalue(), [(1, 1), (2, 3)], Limits())
    assert kind.media_type == "image/tiff"
    with Image.open(io.BytesIO(parts[1])) as picture:
        assert picture.n_frames == 2
        assert picture.getpixel((5, 5)) == 90
        assert float(picture.info["dpi"][0]) == 300


def test_a_file_that_cannot_be_written_anew_is_refused() -> None:
    with pytest.raises(Unrenderable):
        rewrite(b"%PDF-1.7\nnothing more\n%%EOF", [(1, 1)], Limits())


def test_parts_cover_all_pages() -> None:
    assert parts_of([], 4) == [(1, 4)]
    assert parts_of([2, 4], 5) == [(1, 1), (2, 3), (4, 5)]


@pytest.mark.parametrize(
    ("found", "starts", "sure"),
    [
        ([0.05, 0.02], (), True),  # one document: nothing is likely to begin another
        ([0.2, 0.01], (), False),
        ([0.99, 0.005], (2,), True),
        ([0.99, 0.05], (2,), False),  # where there are several, each page has to be sure
        ([0.9, 0.005], (2,), False),
    ],
)
def test_one_document_is_believed_sooner_than_several(found: list[float], starts: tuple[int, ...], sure: bool) -> None:
    cuts = built_in().decide(np.array(found))
    assert (cuts.starts, cuts.sure) == (starts, sure)
