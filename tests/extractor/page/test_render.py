"""Every format becomes page images of the right size, and what cannot be drawn is refused by name."""

from __future__ import annotations

import io

import numpy as np
import pypdf
import pytest
from PIL import Image
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    RectangleObject,
    StreamObject,
)
from reportlab.lib import pdfencrypt
from reportlab.lib.utils import ImageReader

from extractor.page import render as r
from extractor.page import triage as t
from extractor.page.locked import refuse_locked
from tests.extractor import pages

LIMITS = t.Limits(seconds=30)


def images(data: bytes, limits: t.Limits = LIMITS) -> list[np.ndarray]:
    return [r.decode_png(p.png) for p in r.render(data, limits)]


def test_a_pdf_is_drawn_at_200_dpi_with_its_words() -> None:
    [page] = r.render(pages.pdf(pages.write), LIMITS)
    assert (page.number, page.width, page.height) == (1, 1112, 834)
    assert " ".join(w.text for w in page.text_layer) == " ".join(pages.LINES)
    assert not page.scan
    image = r.decode_png(page.png)
    for word in page.text_layer:
        assert pages.ink_share(image, tuple(word.box.as_list())) > 0.05, word  # type: ignore[arg-type]


def test_a_large_page_is_capped() -> None:
    [page] = r.render(pages.pdf(pages.write, size=(3000, 2000)), LIMITS)
    assert max(page.width, page.height) == 2000


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_boxes_follow_the_rotation_a_pdf_asks_for(turn: int) -> None:
    def draw(paper: object) -> None:
        pages.write(paper)  # type: ignore[arg-type]
        paper.setPageRotation(turn)  # type: ignore[attr-defined]

    [page] = r.render(pages.pdf(draw), LIMITS)
    image = r.decode_png(page.png)
    assert page.layer_turn == (360 - turn) % 360
    assert " ".join(w.text for w in page.text_layer) == " ".join(pages.LINES)
    assert all(pages.ink_share(image, tuple(w.box.as_list())) > 0.05 for w in page.text_layer)  # type: ignore[arg-type]


def test_the_crop_box_is_what_is_drawn() -> None:
    def draw(paper: object) -> None:
        pages.write(paper)  # type: ignore[arg-type]
        paper.setCropBox((30, 100, 330, 290))  # type: ignore[attr-defined]

    [page] = r.render(pages.pdf(draw), LIMITS)
    image = r.decode_png(page.png)
    first = page.text_layer[0]
    assert (page.width, page.height) == (834, 528)
    assert first.text == "Harbour"
    assert pages.ink_share(image, tuple(first.box.as_list())) > 0.05  # type: ignore[arg-type]


def test_every_page_of_a_tiff_is_read() -> None:
    first, second = pages.picture(["one"]), pages.picture(["two"]).convert("1")
    data = pages.encoded(first, "TIFF", save_all=True, append_images=[second], compression="tiff_lzw")
    shown = images(data)
    assert len(shown) == 2
    assert all(i.shape == (700, 1000, 3) for i in shown)


def test_a_photograph_is_turned_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right to see it upright
    upright = pages.picture()
    data = pages.encoded(upright.rotate(90, expand=True), "JPEG", exif=exif, quality=95)
    [image] = images(data)
    assert image.shape == (700, 1000, 3)
    assert np.abs(image.astype(int) - pages.bgr(upright)).mean() < 2


def test_transparency_becomes_white() -> None:
    [image] = images(pages.encoded(Image.new("RGBA", (50, 40), (255, 0, 0, 0)), "PNG"))
    assert (image == 255).all()


def test_a_palette_keeps_its_colours() -> None:
    [image] = images(pages.encoded(Image.new("RGB", (50, 40), (255, 0, 0)).quantize(4), "PNG"))
    assert image[0, 0].tolist() == [0, 0, 255]


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = Image.fromarray(np.full((40, 50), 32896, np.uint16))
    [image] = images(pages.encoded(deep, "PNG"))
    assert image[0, 0].tolist() == [128, 128, 128]


def test_pictures_are_only_made_smaller() -> None:
    [image] = images(pages.encoded(pages.picture(size=(1000, 700)), "PNG"), t.Limits(max_side=500))
    assert image.shape == (350, 500, 3)


def test_the_other_renderer_draws_the_same_page() -> None:
    data = pages.pdf(pages.write)
    [one], [two] = r.render(data, LIMITS), r.render(data, LIMITS, "pdf2image")
    a, b = r.decode_png(one.png), r.decode_png(two.png)
    assert a.shape == b.shape
    assert np.abs(a.astype(int) - b).mean() < 5


def test_a_page_is_as_large_as_its_unit_makes_it() -> None:
    """UserUnit 2: what is written down as 200 x 150 measures 400 x 300 points."""
    small = pages.pdf(pages.write, size=(200, 150))
    writer = pypdf.PdfWriter(io.BytesIO(small))
    writer.pages[0][NameObject("/UserUnit")] = FloatObject(2)
    out = io.BytesIO()
    writer.write(out)
    [page] = r.render(out.getvalue(), LIMITS)
    assert (page.width, page.height) == (1112, 834)


def test_a_scan_is_known_where_its_page_does_not_begin_at_the_origin() -> None:
    def draw(paper: object) -> None:
        paper.setPageSize((400, 300))  # type: ignore[attr-defined]
        paper.translate(1000, 2000)  # type: ignore[attr-defined]
        picture = ImageReader(io.BytesIO(pages.encoded(pages.picture(), "JPEG")))
        paper.drawImage(picture, 0, 0, 400, 300)  # type: ignore[attr-defined]
        pages.write(paper, mode=3)  # type: ignore[arg-type]

    writer = pypdf.PdfWriter(io.BytesIO(pages.pdf(draw)))
    writer.pages[0].mediabox = RectangleObject((1000, 2000, 1400, 2300))
    writer.pages[0].cropbox = RectangleObject((1000, 2000, 1400, 2300))
    out = io.BytesIO()
    writer.write(out)
    [page] = r.render(out.getvalue(), LIMITS)
    assert page.scan
    assert " ".join(w.text for w in page.text_layer) == " ".join(pages.LINES)


def test_a_form_that_only_adobe_can_draw_is_refused() -> None:
    please_wait = pages.pdf(lambda paper: pages.write(paper, ["Please wait..."]))
    shell = with_xfa(please_wait)
    with pytest.raises(t.FormShell):
        r.render(shell, LIMITS)
    with pytest.raises(t.FormShell):
        refuse_locked(shell, LIMITS)


def test_a_form_whose_fields_stand_on_its_pages_is_drawn() -> None:
    def draw(paper: object) -> None:
        pages.write(paper)  # type: ignore[arg-type]
        paper.acroForm.textfield(name="total", value="12.00", x=40, y=20, width=90, height=20)  # type: ignore[attr-defined]

    data = with_xfa(pages.pdf(draw))
    refuse_locked(data, LIMITS)
    assert len(r.render(data, LIMITS)) == 1


def with_xfa(data: bytes) -> bytes:
    """The same with an XFA packet beside whatever fields it has."""
    writer = pypdf.PdfWriter(io.BytesIO(data))
    packet = StreamObject()
    packet.set_data(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    form = writer.root_object.get("/AcroForm", DictionaryObject({NameObject("/Fields"): ArrayObject()})).get_object()
    form[NameObject("/XFA")] = writer._add_object(packet)
    writer.root_object[NameObject("/AcroForm")] = form
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_an_unknown_renderer_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="pypdfium2"):
        r.render(pages.pdf(pages.write), LIMITS, "crayons")


def test_a_pdf_with_a_password_is_refused() -> None:
    locked = pages.pdf(pages.write, encrypt=pdfencrypt.StandardEncryption("secret", canPrint=0))
    with pytest.raises(t.Encrypted):
        r.render(locked, LIMITS)


def test_a_pdf_that_anyone_may_open_is_read() -> None:
    open_to_all = pages.pdf(pages.write, encrypt=pdfencrypt.StandardEncryption("", ownerPassword="owner", canModify=0))
    assert len(r.render(open_to_all, LIMITS)) == 1


def test_too_many_pages_are_refused() -> None:
    with pytest.raises(t.TooManyPages):
        r.render(pages.pdf(*[pages.write] * 3), t.Limits(max_pages=2))
    with pytest.raises(t.TooManyPages):
        r.render(
            pages.encoded(pages.picture(["1"]), "TIFF", save_all=True, append_images=[pages.picture(["2"])] * 2),
            t.Limits(max_pages=2),
        )


def test_too_many_pixels_in_a_tiff_are_refused() -> None:
    with pytest.raises(t.TooManyPixels):
        r.render(pages.encoded(pages.picture(), "TIFF"), t.Limits(max_pixels=1000))


@pytest.mark.parametrize("data", [b"%PDF-1.7\n garbage \n%%EOF", b"II*\0\x08\0\0\0" + b"\xff" * 50])
def test_garbage_behind_a_good_signature_is_refused(data: bytes) -> None:
    with pytest.raises(t.Refusal):
        r.render(data, LIMITS)


def test_a_damaged_png_is_refused() -> None:
    data = bytearray(pages.encoded(pages.picture(), "PNG"))
    data[60:200] = bytes(140)
    with pytest.raises(t.Unrenderable):
        r.render(bytes(data), LIMITS)


def test_a_page_without_extent_is_refused() -> None:
    with pytest.raises(t.Unrenderable):
        r.render(pages.pdf(pages.write, size=(10000, 3)), LIMITS)


def test_a_document_that_takes_too_long_is_refused() -> None:
    def draw(paper: object) -> None:
        for n in range(10_000):
            paper.setFillColorRGB(n % 7 / 7, 0, 0, alpha=0.5)  # type: ignore[attr-defined]
            paper.circle(200, 150, 150, fill=1)  # type: ignore[attr-defined]

    with pytest.raises(t.TooSlow):
        r.render(pages.pdf(draw), t.Limits(seconds=1))


def test_a_picture_that_needs_too_much_memory_is_refused() -> None:
    out = io.BytesIO()
    Image.new("1", (22_000, 22_000)).save(out, "PNG")
    with pytest.raises(t.Unrenderable):
        r.render(out.getvalue(), t.Limits(max_pixels=10**9, memory_bytes=1_200_000_000))


def test_many_documents_need_no_more_memory_than_one() -> None:
    book = pages.pdf(*[pages.write] * 6, size=(1000, 1000))
    tight = t.Limits(seconds=30, memory_bytes=700_000_000)
    for _ in range(6):
        assert len(r.render(book, tight)) == 6


def test_a_page_image_keeps_its_pixels() -> None:
    colour = np.random.default_rng(0).integers(0, 255, (50, 40, 3), dtype=np.uint8)
    grey = np.repeat(colour[:, :, :1], 3, axis=2)
    for image in (colour, grey):
        assert (r.decode_png(r.encode_png(image)) == image).all()
