"""How one document writes dates and numbers, where its type comes from several countries: read from its own words."""

from __future__ import annotations

import re
from dataclasses import replace

from extractor import kinds
from extractor.fields.layout import Layout
from extractor.kinds import Locale
from models.doctype import DocumentType

# Patterns for what else stands for a choice; a sign may touch its number.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "EUR": ("€", r"(?<!\w)euros?(?!\w)"),
    "USD": (r"US\$", r"(?<![A-Z])\$"),
    "GBP": ("£",),
    "CHF": (r"(?<!\w)S?Fr\.(?!\w)",),
    "JPY": ("¥",),
    "CAD": (r"C(?:AD)?\$",),
    "AUD": (r"AU?\$",),
    "MYR": (r"(?<!\w)RM(?=[\s\d])",),
    "SGD": (r"S\$",),
    "INR": ("₹", r"(?<!\w)Rs\.?(?=[\s\d])"),
    "PLN": (r"(?<!\w)zł",),
    "CZK": (r"(?<!\w)Kč",),
}
_COMMA = re.compile(r"(?<![\d.,])\d{1,3}(?:[.\s'’]?\d{3})*,\d\d(?![\d.,%])")
_POINT = re.compile(r"(?<![\d.,])\d{1,3}(?:[,\s'’]?\d{3})*\.\d\d(?![\d.,%])")
_DAY = re.compile(r"(?<![\d/.\-])(\d{1,2})[/.\-](\d{1,2})[/.\-](?:\d{4}|\d\d)(?![\d/.\-])")
_DOLLAR = re.compile(r"(?<![A-Z])\$ ?\d|\bUSD\b|US\$")
_MONTH_FIRST = re.compile(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2}, ?\d{4}", re.IGNORECASE)


def locale_of_document(layout: Layout, doctype: DocumentType) -> Locale:
    """The locale of the type; for a type of several countries with the marks and the order that the document shows.

    Amounts with two decimals vote for the mark. A number over 12 in a date, or a month's name, shows the order; without
    them a dollar sign says month first, and what says nothing leaves the type's own order.
    """
    usual = kinds.locale_of(doctype)
    if not doctype.mixed_locales or not len(layout):
        return usual
    text = "\n".join(layout.join(tokens) for tokens in layout.segments)
    commas, points = len(_COMMA.findall(text)), len(_POINT.findall(text))
    mark = usual.decimal_mark if commas == points else "," if commas > points else "."
    return replace(usual, decimal_mark=mark, date_order=_order(text, mark, usual.date_order))


def _order(text: str, mark: str, usual: str) -> str:
    if mark == ",":
        return "DMY"
    pairs = [(int(a), int(b)) for a, b in _DAY.findall(text)]
    days_first = sum(a > 12 >= b for a, b in pairs)
    months_first = sum(b > 12 >= a for a, b in pairs) + len(_MONTH_FIRST.findall(text))
    if days_first != months_first:
        return "DMY" if days_first > months_first else "MDY"
    return "MDY" if _DOLLAR.search(text) else usual
