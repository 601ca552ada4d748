"""Pages drawn for the tests of reading: known words at known places, as pictures and as PDF."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen import canvas

LINES = [
    "Harbour Street Trading Company",
    "Invoice number 40718 of 12 March 2021",
    "Four boxes of paper for the office",
    "Delivered to the warehouse on Monday",
    "Amount due before the end of May",
    "Please pay 1,284.50 to our account",
    "Thank you for shopping with us today",
    "Registered office in Port Victoria",
]


def picture(lines: list[str] = LINES, size: tuple[int, int] = (1000, 700), font_size: int = 30) -> Image.Image:
    """Black lines on white, one every 70 pixels."""
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(font_size)
    for n, line in enumerate(lines):
        draw.text((80, 60 + 70 * n), line, fill="black", font=font)
    return page


def bgr(page: Image.Image) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(page.convert("RGB"))[:, :, ::-1])


def encoded(page: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    page.save(out, form, **options)  # type: ignore[arg-type]
    return out.getvalue()


def pdf(*draws: Callable[[canvas.Canvas], None], size: tuple[float, float] = (400, 300), **options: object) -> bytes:
    """One page for each of `draws`."""
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=size, **options)
    for draw in draws:
        draw(paper)
        paper.showPage()
    paper.save()
    return out.getvalue()


def write(paper: canvas.Canvas, lines: list[str] = LINES, mode: int = 0, top: float = 260) -> None:
    """Lines as real text; `mode` 3 makes them invisible."""
    text = paper.beginText(40, top)
    text.setFont("Helvetica", 12)
    text.setTextRenderMode(mode)
    text.setLeading(28)
    for line in lines:
        text.textLine(line)
    paper.drawText(text)


def ink_share(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> float:
    """Share of dark pixels in a box of fractions."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    crop = image[int(y0 * height) : int(y1 * height) + 1, int(x0 * width) : int(x1 * width) + 1]
    return float((crop.min(axis=2) < 128).mean())
