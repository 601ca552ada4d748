"""XML of a stranger to a tree: no document type, no entities, no network, bounded; found by local names.

Elements have the same names in all versions of a syntax and other namespaces, so namespaces do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from lxml import etree
from lxml.etree import _Element

MOST_BYTES = 10_000_000
MOST_ELEMENTS = 300_000
MOST_LEAVES, MOST_OF_LEAF = 20_000, 80
MOST_CHARACTERS = 2_000  # of one value
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")

Element: TypeAlias = _Element


class NotReadable(ValueError):
    """The XML cannot be used; the message says why in words."""


def parse(data: bytes) -> Element:
    """The root. Raises `NotReadable` for what is no well-formed XML, too large, or brings a document type."""
    if len(data) > MOST_BYTES:
        raise NotReadable(f"the XML has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotReadable(f"the XML is not well-formed: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise NotReadable("the XML brings a document type definition, which no e-invoice needs")
    if sum(1 for _ in zip(root.iter(), range(MOST_ELEMENTS + 1), strict=False)) > MOST_ELEMENTS:
        raise NotReadable(f"the XML has more than {MOST_ELEMENTS:,} elements")
    return root


def name(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """All elements under `element` along a path of local names."""
    if element is None:
        return
    if not path:
        yield element
        return
    for child in element.iterchildren(etree.Element):
        if name(child) == path[0]:
            yield from children(child, *path[1:])


def first(element: Element | None, *path: str) -> Element | None:
    """The first element along a path, or None."""
    return next(children(element, *path), None)


def text(element: Element | None, *path: str) -> str:
    """The text of the first element along a path that has one, on one line."""
    for found in children(element, *path):
        if said := " ".join("".join(found.itertext()).split()):
            return said[:MOST_CHARACTERS]
    return ""


def texts(element: Element | None, *path: str) -> tuple[str, ...]:
    """The different texts of all elements along a path."""
    found = (" ".join("".join(e.itertext()).split())[:MOST_CHARACTERS] for e in children(element, *path))
    return tuple(dict.fromkeys(said for said in found if said))


def leaves(root: Element) -> tuple[str, ...]:
    """The different texts of all elements without children, short ones only and not absurdly many."""
    found = (" ".join(e.text.split()) for e in root.iter(etree.Element) if not len(e) and e.text)
    return tuple(dict.fromkeys(text for text in found if 0 < len(text) <= MOST_OF_LEAF))[:MOST_LEAVES]


def number(said: str) -> str:
    """A decimal of XML Schema as the project writes it, with the decimals that the file has; nothing for no number."""
    try:
        value = Decimal(said)
    except InvalidOperation:
        return ""
    if not value.is_finite() or abs(value) >= 10**15 or value.as_tuple().exponent < -9:  # type: ignore[operator]
        return ""
    plain = f"{abs(value):f}"
    return f"-{plain}" if value < 0 else plain


def day(said: str) -> str:
    """CCYYMMDD or an ISO date (with or without a time) as ISO 8601; nothing for what is no day of the calendar."""
    found = _DAY.match(said)
    if not found:
        return ""
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return ""
