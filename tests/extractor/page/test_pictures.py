"""Pictures as people send them become pages: every format, every frame, and whatever depth their numbers have."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from extractor.page import render as r
from extractor.page import triage as t
from extractor.page.pictures import room
from tests.extractor import pages

LIMITS = t.Limits(seconds=30)
SHADES = np.asarray(pages.picture(["Invoice 40718"], size=(300, 150)).convert("L")) // 2 + 60  # black 60, paper 187


def images(data: bytes) -> list[NDArray[np.uint8]]:
    return [r.decode_png(p.png) for p in r.render(data, LIMITS)]


@pytest.mark.parametrize("form", ["WEBP", "BMP", "GIF", "JPEG2000"])
def test_a_picture_of_each_format_is_a_page(form: str) -> None:
    [image] = images(pages.encoded(pages.picture(), form))
    assert np.abs(image.astype(int) - pages.bgr(pages.picture())).mean() < 2


@pytest.mark.parametrize("form", ["WEBP", "GIF", "TIFF"])
def test_every_frame_is_a_page(form: str) -> None:
    first, second = pages.picture(["one"]), pages.picture(["two"])
    shown = images(pages.encoded(first, form, save_all=True, append_images=[second]))
    assert len(shown) == 2
    for image, drawn in zip(shown, (first, second), strict=True):
        assert np.abs(image.astype(int) - pages.bgr(drawn)).mean() < 2


def test_a_picture_of_a_phone_stands_upright() -> None:
    [image] = images(pages.heic("turned"))
    assert image.shape == (240, 480, 3)
    assert (image[:60, :40] > 240).all()  # above and left of the first line
    assert (image[60:90, 80:200] < 128).any()


def test_both_pictures_of_a_file_of_a_phone_are_pages() -> None:
    one, two = images(pages.heic("two"))
    assert one.shape == two.shape == (240, 480, 3)
    assert (one != two).any()


def tiff(numbers: NDArray[np.generic], *, photometric: int, bits: int, sample: int = 1, raw: bytes = b"") -> bytes:
    """A grey TIFF of one strip, little-endian, with whatever numbers."""
    height, width = numbers.shape
    raw = raw or numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()
    raw += b"\0" * (len(raw) % 2)
    tags = (
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(raw)), (339, 3, sample),
    )  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(raw)) + raw + struct.pack("<H", len(tags)) + entries + bytes(4)


def in_twelve_bits(numbers: NDArray[np.uint16]) -> bytes:
    pairs = numbers.reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8).tobytes()


DEEP = SHADES.astype(np.uint16)
TIFFS = {
    "16 bits": tiff(DEEP * 257, photometric=1, bits=16),
    "16 bits, white is zero": tiff(65535 - DEEP * 257, photometric=0, bits=16),
    "12 bits in 16": tiff(DEEP * 16, photometric=1, bits=16),
    "12 bits": tiff(DEEP, photometric=1, bits=12, raw=in_twelve_bits(DEEP * 16)),
    "12 bits, white is zero": tiff(DEEP, photometric=0, bits=12, raw=in_twelve_bits(4095 - DEEP * 16)),
    "32 bits": tiff(DEEP.astype(np.uint32) * 16843009, photometric=1, bits=32),
    "float": tiff((SHADES / 255).astype(np.float32), photometric=1, bits=32, sample=3),
    "float, white is zero": tiff((1 - SHADES / 255).astype(np.float32), photometric=0, bits=32, sample=3),
    "float of 64 bits": tiff(SHADES / 255, photometric=1, bits=64, sample=3),
    "8 bits, white is zero": tiff(255 - SHADES, photometric=0, bits=8),
}


@pytest.mark.parametrize("depth", TIFFS)
def test_a_picture_of_any_depth_shows_what_it_holds(depth: str) -> None:
    [image] = images(TIFFS[depth])
    assert np.abs(image[:, :, 0].astype(int) - SHADES).max() <= 2


def test_twelve_bits_of_colour_in_sixteen_are_not_black() -> None:
    colour = np.stack([DEEP * 16, DEEP * 12, DEEP * 8], axis=2)
    [image] = images(cv2.imencode(".png", colour)[1].tobytes())
    assert np.abs(image[:, :, 0].astype(int) - SHADES).max() <= 2
    assert image[:, :, 2].max() < 110


def test_what_is_faint_all_over_is_drawn_apart() -> None:
    faint = tiff((DEEP * 32 + 40_000).astype(np.uint16), photometric=1, bits=16)
    [image] = images(faint)
    assert image.min() < 30
    assert image.max() > 225


def test_an_empty_page_stays_empty() -> None:
    noise = np.random.default_rng(0).integers(60_000, 60_500, (150, 300), dtype=np.uint16)
    [image] = images(tiff(noise, photometric=1, bits=16))
    assert image.min() > 225


def test_a_fax_is_drawn_out_to_the_shape_of_its_paper() -> None:
    page = pages.picture().convert("1")
    data = pages.encoded(page.resize((1000, 350)), "TIFF", compression="group4", dpi=(204, 98))
    [image] = images(data)
    assert image.shape[:2] == (729, 1000)


def test_small_previews_in_a_tiff_are_no_pages() -> None:
    preview = Image.new("L", (60, 40), 200)
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    out = io.BytesIO()
    pages.picture(["one"]).save(out, "TIFF", save_all=True, append_images=[preview])
    assert len(images(out.getvalue())) == 1


def test_a_till_roll_keeps_the_pixels_that_its_lines_need() -> None:
    assert room(1000, 1414, 2000) == 2000
    assert room(1700, 2800, 2000) == 2000  # legal paper
    assert room(1000, 7640, 2000) == pytest.approx(10805, abs=1)
    [image] = images(pages.encoded(Image.new("L", (700, 7640), 255), "PNG"))
    assert image.shape[:2] == (7640, 700)
