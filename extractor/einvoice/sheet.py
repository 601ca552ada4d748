"""An e-invoice drawn as pages that people can see: our own template, plain text, bounded; nothing of the sender's runs.

What the file says stands in it word by word with its place, so that such a page is never read from its picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.einvoice.invoice import EInvoice
from models.values import Box, Page, Word

ENGINE = "data/1"  # of a page that was made from data
WIDTH, HEIGHT, MARGIN = 1240, 1754, 80
SIZE, LEADING, SPACE = 24, 42, 9  # pixels
MOST_PAGES, MOST_WORDS = 50, 60  # of a document, of a cell
WEIGHT = 400
COLUMNS = ((80, 620), (640, 760), (780, 960), (980, 1160))  # description, quantity, unit price, amount
LABELS = (
    ("Invoice number", "number"), ("Invoice date", "issue_date"), ("Due date", "due_date"), ("Order", "order"),
    ("Currency", "currency"), ("Net amount", "net"), ("Tax", "tax"), ("Total", "total"), ("Amount due", "payable"),
    ("Payment reference", "reference"), ("Tax ID", "seller_tax_id"),
)  # fmt: skip

Image = NDArray[np.uint8]


@dataclass
class _Sheet:
    """One page while it is drawn."""

    image: Image = field(default_factory=lambda: np.full((HEIGHT, WIDTH), 255, np.uint8))
    words: list[Word] = field(default_factory=list)
    y: int = MARGIN


def draw_invoice(invoice: EInvoice) -> list[tuple[Page, Image]]:
    """The pages of an e-invoice with their words, at most `MOST_PAGES`."""
    drawn: list[_Sheet] = [_Sheet()]
    font = cv2.FontFace("uni")
    line = segment = 0
    for cells in _rows(invoice):
        height = max((len(_wrapped(text, right - left, font)) for (left, right), text in cells), default=1)
        if drawn[-1].y + height * LEADING > HEIGHT - MARGIN:
            if len(drawn) == MOST_PAGES:
                break
            drawn.append(_Sheet())
        sheet, first = drawn[-1], line
        for (left, right), text in cells:
            segment += 1
            for n, words in enumerate(_wrapped(text, right - left, font)):
                _set(sheet, words, left, sheet.y + n * LEADING, first + n, segment, font)
        line, sheet.y = first + height, sheet.y + height * LEADING
    pages = []
    for number, sheet in enumerate(drawn, 1):
        ordered = tuple(sorted(sheet.words, key=lambda word: (word.line, word.box.x0)))
        pages.append((Page(number, WIDTH, HEIGHT, ordered, ENGINE), sheet.image))
    return pages


def _rows(invoice: EInvoice) -> Iterator[list[tuple[tuple[int, int], str]]]:
    """Rows of cells: where each stands, and what it says."""
    whole, label, value = (MARGIN, WIDTH - MARGIN), (MARGIN, 420), (440, WIDTH - MARGIN)
    yield [(whole, "Made from data: this page shows an e-invoice that came as XML.")]
    yield [(whole, "Credit note" if invoice.is_credit_note else "Invoice")]
    for title, names in (("Seller", invoice.sellers[:1]), ("Buyer", invoice.buyers[:1]), ("IBAN", invoice.ibans)):
        for name in names[:4]:
            yield [(label, f"{title}:"), (value, name)]
    for title, attribute in LABELS:
        if said := getattr(invoice, attribute):
            yield [(label, f"{title}:"), (value, said)]
    if invoice.lines:
        yield list(zip(COLUMNS, ("Description", "Quantity", "Unit price", "Amount"), strict=True))
    for item in invoice.lines:
        price = item.net_price or item.unit_price
        yield list(zip(COLUMNS, (item.description, item.quantity, price, item.amount), strict=True))


def _wrapped(text: str, width: int, font: cv2.FontFace) -> list[list[str]]:
    """The words of a cell in lines no wider than `width`; a word that is wider has one of its own."""
    lines: list[list[str]] = []
    used = width + 1
    for word in text.split()[:MOST_WORDS]:
        wide = _width(word, font)
        if used + wide > width:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += wide + SPACE
    return lines


def _width(word: str, font: cv2.FontFace) -> int:
    return int(cv2.getTextSize((WIDTH, HEIGHT), word, (0, SIZE), font, SIZE, WEIGHT)[2])


def _set(sheet: _Sheet, words: Sequence[str], x: int, y: int, line: int, segment: int, font: cv2.FontFace) -> None:
    for word in words:
        cv2.putText(sheet.image, word, (x, y + SIZE), (0,), font, SIZE, WEIGHT)
        wide = _width(word, font)
        right = min(x + wide, WIDTH)
        box = Box(x / WIDTH, y / HEIGHT, max(right, x + 1) / WIDTH, (y + SIZE + 6) / HEIGHT)
        sheet.words.append(Word(word, box, 1.0, line, segment))
        x += wide + SPACE
