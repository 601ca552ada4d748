"""How a laid-out document writes dates and numbers, and which printed signs stand for a currency."""

from __future__ import annotations

import functools

from extractor.fields.layout import Layout
from extractor.kinds import Locale
from extractor.locales import infer_locale
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
    "SEK": (r"(?<!\w)kr\.?(?!\w)",),
    "PLN": (r"(?<!\w)zł",),
    "CZK": (r"(?<!\w)Kč",),
}
SHARED_SIGNS = frozenset({"$", "¥", "KR"})  # of several currencies: the document says of which


def is_shared(sign: str) -> bool:
    """Whether a printed sign alone does not say which currency it is."""
    return sign.strip().rstrip(".").upper() in SHARED_SIGNS


def locale_of_document(layout: Layout, doctype: DocumentType) -> Locale:
    """The locale of the type; for a type of several countries the one that the document's own words show."""
    return _inferred("\n".join(layout.join(tokens) for tokens in layout.segments) if len(layout) else "", doctype)


@functools.lru_cache(maxsize=8)
def _inferred(text: str, doctype: DocumentType) -> Locale:
    return infer_locale(text, doctype)
