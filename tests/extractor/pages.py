"""Pages drawn for the tests of reading: known words at known places, as pictures and as PDF."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen import canvas

HEIC = Path(__file__).parents[2] / "fixtures" / "heic"
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


def heic(name: str) -> bytes:
    """A picture in the format of phones: `turned` (one page on its side, EXIF says so) or `two` (pages)."""
    return (HEIC / f"{name}.heic").read_bytes()


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


LIE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Lie def
1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <21> <7d> <0022> endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""


def pdf_with_lies(*lying: frozenset[int], lines: list[str] = LINES) -> bytes:
    """One page of `lines` for each of `lying`: the numbers of lines whose font says the next letter of each it shows.

    Both fonts look the same and have the same name; on a page that lies altogether they even share their key.
    """
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding%s>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", font % b"", font % b"/ToUnicode 5 0 R", _stream(LIE)]
    for numbers in lying:
        keys = [b"F2" if n in numbers and len(numbers) < len(lines) else b"F1" for n in range(len(lines))]
        shown = b"\n".join(
            b"BT /%s 12 Tf 40 %d Td (%s) Tj ET" % (key, 260 - 28 * n, line.encode())
            for n, (key, line) in enumerate(zip(keys, lines, strict=True))
        )
        fonts = b"/F1 %d 0 R/F2 4 0 R" % (4 if len(numbers) == len(lines) else 3)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Resources<</Font<<%s>>>>/Contents %d 0 R>>"
            % (fonts, len(objects) + 2)
        )
        objects.append(_stream(shown))
    kids = b" ".join(b"%d 0 R" % n for n in range(6, len(objects) + 1, 2))
    objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(lying))
    return _filed(objects)


def _stream(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)


def _filed(objects: list[bytes]) -> bytes:
    out, starts = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return out + end % (size, table, size, len(out))


def ink_share(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> float:
    """Share of dark pixels in a box of fractions."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    crop = image[int(y0 * height) : int(y1 * height) + 1, int(x0 * width) : int(x1 * width) + 1]
    return float((crop.min(axis=2) < 128).mean())
