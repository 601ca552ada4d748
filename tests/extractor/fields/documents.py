"""Small made-up documents as words, with their labels: enough to learn from in a second."""

from __future__ import annotations

import random
from collections.abc import Sequence

from extractor.fields import Label, TrainingDocument
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Page, ValueState, Word

BILL = DocumentType(
    name="bill",
    label="Bill",
    fields=(
        FieldSpec(name="seller", kind=Kind.NAME),
        FieldSpec(name="day", kind=Kind.DATE),
        FieldSpec(name="total", kind=Kind.MONEY),
        FieldSpec(name="voucher", kind=Kind.IDENTIFIER, required=False),
        FieldSpec(name="guests", kind=Kind.NAME, repeated=True),
    ),
)
SELLERS = ("Harbour Cafe Ltd", "Green Leaf Inc", "North Star Bhd", "Old Mill Bakery", "Blue Door Inn", "Sun Market Co")
GUESTS = ("Ada Byron", "Max Born", "Lise Meitner", "Emmy Noether", "Niels Bohr")


def page_of(rows: Sequence[str], number: int = 1, confidence: float = 0.9) -> Page:
    """A page with these rows; three spaces or more part segments."""
    words: list[Word] = []
    segment = -1
    for line, row in enumerate(rows):
        start = 0
        for part in row.split("   "):
            segment += 1
            for text in part.split():
                left = 0.05 + 0.012 * row.index(text, start)
                start = row.index(text, start) + len(text)
                box = Box(left, 0.05 + 0.03 * line, left + 0.011 * len(text), 0.07 + 0.03 * line)
                words.append(Word(text, box, confidence, line, segment))
    return Page(number, 1000, 1400, tuple(words), "made/1")


def bill(number: int) -> TrainingDocument:
    """One bill. Every third has no voucher; every bill has two guests."""
    rng = random.Random(number)
    seller, guests = rng.choice(SELLERS), rng.sample(GUESTS, 2)
    item, total = rng.randint(100, 900) / 100, rng.randint(1000, 9000) / 100
    day = f"{rng.randint(10, 28)}/0{rng.randint(1, 9)}/2019"
    voucher = f"V-{rng.randint(10000, 99999)}"
    rows = [seller, "12 High Street", f"Date: {day}   Due: 0{rng.randint(1, 9)}/12/2019"]
    rows += [f"Guest: {guest}" for guest in guests]
    rows += [f"Soup   {item:.2f}", f"Tea   {item / 2:.2f}", f"TOTAL   {total:.2f}"]
    absent = number % 3 == 0
    if not absent:
        rows.insert(3, f"Voucher: {voucher}")
    labels: dict[str, Label | None] = {
        "seller": Label(ValueState.FOUND, seller),
        "day": Label(ValueState.FOUND, day),
        "total": Label(ValueState.FOUND, f"{total:.2f}"),
        "voucher": Label(ValueState.ABSENT, None) if absent else Label(ValueState.FOUND, voucher),
        "guests": Label(ValueState.FOUND, guests),
    }
    return TrainingDocument(f"bill{number}", f"bill{number}", "bill", (page_of(rows),), labels)
