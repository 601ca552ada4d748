"""A text layer is believed only where the ink says the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from extractor.page.inkcheck import SHORT, SPARE, stretches, telling, trusted_words
from extractor.page.render import decode_as_stored, decode_png, render
from extractor.page.textlayer import Layer
from extractor.page.triage import Limits
from extractor.page.words import LAYER_REFUSED
from extractor.read import read_page
from extractor.second_reader import second_reading
from models.values import Box, Page, Word
from tests.extractor import pages

SECRET = ["REGISTRANT NAME=Acme Holdings", "REGISTRATION NUMBER=5512", "DATE STAMPED=01/08/2018 and more of the same"]


def read(draw: Callable[[canvas.Canvas], None], size: tuple[float, float] = (400, 300)) -> Page:
    [page] = render(pages.pdf(draw, size=size), Limits())
    return read_page(page, "tesserocr").page


def scanned(lines: list[str] | None = None, quality: int = 80) -> ImageReader:
    page = pages.picture(lines or pages.LINES, size=(1000, 750))
    return ImageReader(io.BytesIO(pages.encoded(page, "JPEG", quality=quality)))


def hidden_copy(paper: canvas.Canvas) -> object:
    """What an OCR program writes under its scan: each line invisible, where its ink is."""
    font = ImageFont.load_default(30)
    text = paper.beginText()
    text.setFont("Helvetica", 11)
    text.setTextRenderMode(3)
    for n, line in enumerate(pages.LINES):
        text.setTextOrigin(32, 300 - (60 + 70 * n + 28) * 0.4)
        text.setHorizScale(100 * font.getlength(line) * 0.4 / paper.stringWidth(line, "Helvetica", 11))
        text.textOut(line)
    return text


def test_printed_text_is_taken_from_the_layer() -> None:
    page = read(pages.write)
    assert page.engine == "text_layer/1"
    assert page.text.splitlines() == pages.LINES
    assert {w.confidence for w in page.words} == {1.0}


def test_invisible_text_beside_print_is_never_read() -> None:
    def draw(paper: canvas.Canvas) -> None:
        pages.write(paper)
        pages.write(paper, SECRET, mode=3, top=250)

    page = read(draw)
    assert page.engine == "text_layer/1"
    assert page.text.splitlines() == pages.LINES


def test_white_text_is_never_read() -> None:
    def draw(paper: canvas.Canvas) -> None:
        pages.write(paper)
        paper.setFillColorRGB(1, 1, 1)
        pages.write(paper, SECRET[:1], top=30)

    assert "Acme" not in read(draw).text


def test_text_under_a_cover_is_never_read() -> None:
    def draw(paper: canvas.Canvas) -> None:
        pages.write(paper, SECRET, top=30 + 28 * 2)
        paper.setFillColorRGB(1, 1, 1)
        paper.rect(0, 0, 400, 110, stroke=0, fill=1)
        paper.setFillColorRGB(0, 0, 0)
        pages.write(paper, pages.LINES[:5])

    assert read(draw).text.splitlines() == pages.LINES[:5]


def test_a_scan_whose_hidden_text_is_something_else_is_read_again() -> None:
    def draw(paper: canvas.Canvas) -> None:
        pages.write(paper, SECRET * 2, mode=3)
        paper.drawImage(scanned(), 0, 0, 400, 300)

    page = read(draw)
    assert page.engine.startswith("tesserocr/")
    assert page.problems == (LAYER_REFUSED,)
    assert "Acme" not in page.text
    assert "40718" in page.text


def test_a_scan_with_a_good_hidden_layer_uses_it() -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.drawImage(scanned(), 0, 0, 400, 300)
        paper.drawText(hidden_copy(paper))

    assert read(draw).engine == "text_layer/1"


def test_metadata_over_a_good_hidden_layer_spoils_it() -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.drawImage(scanned(), 0, 0, 400, 300)
        text = hidden_copy(paper)
        text.setTextOrigin(32, 300 - 88 * 0.4)
        text.textOut(SECRET[0])
        paper.drawText(text)

    page = read(draw)
    assert page.engine.startswith("tesserocr/")
    assert "Acme" not in page.text


def test_a_layer_that_says_other_letters_than_it_shows_is_refused() -> None:
    """As with fonts whose map to Unicode is wrong: the glyphs are right, the text is not."""
    data = pages.pdf(lambda p: pages.write(p, ["".join(chr(ord(c) + 1) for c in line) for line in pages.LINES]))
    [wrong] = render(data, Limits())
    [right] = render(pages.pdf(pages.write), Limits())
    page = read_page(type(right)(1, right.png, right.width, right.height, wrong.text_layer), "tesserocr").page
    assert page.engine.startswith("tesserocr/")
    assert "40718" in page.text


def test_a_font_of_the_same_name_may_lie_on_the_second_page_only() -> None:
    everywhere = frozenset(range(len(pages.LINES)))
    rendered = render(pages.pdf_with_lies(frozenset(), everywhere, frozenset()), Limits())
    first, second, third = (read_page(page, "tesserocr").page for page in rendered)
    assert rendered[1].text_layer[0].text == "Ibscpvs"
    assert (first.engine, third.engine) == ("text_layer/1", "text_layer/1")
    assert first.text.splitlines() == third.text.splitlines() == pages.LINES
    assert second.problems == (LAYER_REFUSED,)
    assert "40718" in second.text


def test_a_font_that_lies_away_from_where_an_even_spread_would_look_is_found() -> None:
    lying = frozenset({0, 1, 3, 4, 5})
    [rendered] = render(pages.pdf_with_lies(lying), Limits())
    told = [" ".join(w.text for w in rendered.text_layer if w.line == n) for n in range(len(pages.LINES))]
    assert [n for n, line in enumerate(told) if line != pages.LINES[n]] == sorted(lying)
    page = read_page(rendered, "tesserocr").page
    assert page.problems == (LAYER_REFUSED,)
    assert "Harbour" in page.text


def test_what_is_hidden_on_the_last_page_only_is_not_read() -> None:
    def hiding(paper: canvas.Canvas) -> None:
        pages.write(paper)
        paper.setFillColorRGB(1, 1, 1)
        pages.write(paper, SECRET[1:2], top=30)
        pages.write(paper, SECRET[:1], mode=3, top=250)

    rendered = render(pages.pdf(pages.write, pages.write, hiding), Limits())
    assert "5512" in " ".join(w.text for w in rendered[2].text_layer)
    read = [read_page(page, "tesserocr").page for page in rendered]
    assert [page.engine for page in read] == ["text_layer/1"] * 3
    assert [page.text.splitlines() for page in read] == [pages.LINES] * 3


def test_a_stamp_of_text_on_a_picture_of_a_page_is_not_the_page() -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.drawImage(scanned(), 0, 0, 400, 300)
        pages.write(paper, ["Received by the registry 12 March 2021, box 7 of the archive, shelf 12"], top=8)

    page = read(draw)
    assert page.engine.startswith("tesserocr/")
    assert "Harbour" in page.text


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_text_drawn_on_its_side_is_turned_with_its_page(turn: int) -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.translate(200, 200)
        paper.rotate(turn)
        paper.translate(-200, -150)
        pages.write(paper)

    [rendered] = render(pages.pdf(draw, size=(400, 400)), Limits())
    result = read_page(rendered, "tesserocr")
    assert result.page.rotation == turn
    assert result.page.engine == "text_layer/1"
    assert result.page.text.splitlines() == pages.LINES
    image = decode_png(result.png)
    assert image.shape[:2] == (result.page.height, result.page.width)
    assert all(pages.ink_share(image, tuple(w.box.as_list())) > 0.05 for w in result.page.words)  # type: ignore[arg-type]


def test_a_note_up_the_margin_does_not_disturb_the_rows() -> None:
    def draw(paper: canvas.Canvas) -> None:
        pages.write(paper)
        paper.rotate(90)
        paper.setFont("Helvetica", 9)
        paper.drawString(60, -20, "Form 27 revised 2019")

    page = read(draw)
    assert page.text.splitlines() == [*pages.LINES, "Form 27 revised 2019"]


def test_mirrored_text_matrices_do_not_turn_the_page() -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.transform(1, 0, 0, -1, 0, 300)  # a page that counts from the top, with glyphs flipped back
        text = paper.beginText()
        text.setFont("Helvetica", 12)
        for n, line in enumerate(pages.LINES):
            text.setTextTransform(1, 0, 0, -1, 40, 40 + 28 * n)
            text.textOut(line)
        paper.drawText(text)

    page = read(draw)
    assert (page.engine, page.rotation) == ("text_layer/1", 0)
    assert page.text.splitlines() == pages.LINES


def asked_of(words: tuple[Word, ...], image: NDArray[np.uint8]) -> tuple[list[Box], bool]:
    """The boxes that the check has an engine read, and whether it believes the words."""
    asked: list[Box] = []

    def reader(image: NDArray[np.uint8], box: Box) -> tuple[str, float]:
        asked.append(box)
        return second_reading(image, box)

    return asked, trusted_words(image, Layer(words), reader) is not None


def test_the_check_reads_one_stretch_of_a_good_page_and_more_where_that_is_unlike_the_ink() -> None:
    [page] = render(pages.pdf(pages.write), Limits())
    image = decode_png(page.png)
    asked, trusted = asked_of(page.text_layer, image)
    assert (len(asked), trusted) == (1, True)
    misread = tuple(replace(w, text="Hxrbqlr") if w.text == "Harbour" else w for w in page.text_layer)
    asked, trusted = asked_of(misread, image)
    assert (len(asked), trusted) == (1 + len(pages.LINES), True)


def test_the_stretch_that_is_read_is_the_one_least_like_words() -> None:
    texts = ["Station", "Gross $12.00", "Ibscpvs", "Monday", "MTWTFSS", "Address"]
    words = [Word(text, Box(0.1, 0.1 * n, 0.3, 0.1 * n + 0.02), 1.0, n, n) for n, text in enumerate(texts)]
    assert telling(words) == [words[2]]
    assert telling(words[:2] + words[3:]) == [words[3]]  # none is odd: the shortest


def test_the_check_reads_few_letters_where_it_can_choose() -> None:
    words = [
        Word(text, Box(0.1 + 0.2 * k, 0.05 * n, 0.28 + 0.2 * k, 0.05 * n + 0.02), 1.0, n, 4 * n + k)
        for n in range(10)
        for k, text in enumerate(("Broadcasting", "Station", "Gross $12.00", "Representatives"))
    ]
    for stretch in stretches(words, 2, SHORT, SPARE):
        assert SHORT <= sum(c.isalnum() for w in stretch for c in w.text) <= SHORT + SPARE
    long = [w for w in words if len(w.text) > 12]
    assert [len(s[0].text) for s in stretches(long, 2, SHORT, SPARE)] == [15, 15]


def test_a_page_without_colour_is_checked_in_grey_and_one_with_colour_as_it_is() -> None:
    def coloured(paper: canvas.Canvas) -> None:
        pages.write(paper)
        paper.setFillColorRGB(0.8, 0.1, 0.1)
        paper.rect(350, 20, 30, 8, stroke=0, fill=1)

    grey, colour = (render(pages.pdf(draw), Limits())[0] for draw in (pages.write, coloured))
    assert (decode_as_stored(grey.png).ndim, decode_as_stored(colour.png).ndim) == (2, 3)
    assert [read_page(p, "tesserocr").page.text.splitlines() for p in (grey, colour)] == [pages.LINES] * 2
    assert [read_page(p, "tesserocr").page.engine for p in (grey, colour)] == ["text_layer/1"] * 2
    assert np.array_equal(decode_png(grey.png)[:, :, 0], decode_as_stored(grey.png))


def test_a_page_as_picture_only_has_no_layer() -> None:
    [page] = render(pages.pdf(lambda p: p.drawImage(scanned(), 0, 0, 400, 300)), Limits())
    assert page.text_layer == ()
    assert Image.open(io.BytesIO(page.png)).size == (page.width, page.height)


def test_a_scan_inside_a_form_is_seen_as_one() -> None:
    def draw(paper: canvas.Canvas) -> None:
        paper.beginForm("scan")
        paper.drawImage(scanned(), 0, 0, 400, 300)
        paper.endForm()
        paper.doForm("scan")
        paper.drawText(hidden_copy(paper))

    [page] = render(pages.pdf(draw), Limits())
    assert page.scan
    assert page.text_layer[0].text == "Harbour"
