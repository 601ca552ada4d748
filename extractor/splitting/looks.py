"""What one page shows of where it stands in its document: its number, its title, its labels and what they say."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from extractor.classify.profile import profile
from extractor.fields.anchors.phrases import Anchors, trade_names
from extractor.fields.layout import Layout, lay_out
from extractor.kinds.text import compact
from models.values import Page, Word

TOP, BOTTOM = 0.14, 0.88  # of the page: letterhead and footer
HEAD = 0.35  # of the page: where numbers and dates of the whole document stand
MOST_PAGES = 999
BUCKETS = 1024
OPENING = 60  # words with which a page begins
NAMED = ("number", "issue_date", "customer_number", "order", "reference", "total", "due_date", "seller", "buyer")
OF = r"(?:of|/|von|de|di|van|av|af|sur|z|ze|iz|od|из|із|от|von|din|/)"
CARRIED = frozenset(
    compact(phrase)
    for phrase in (
        "carried forward", "brought forward", "continued", "continues", "continued on next page", "continued from",
        "balance forward", "Übertrag", "Zwischensumme Übertrag", "Fortsetzung", "à reporter", "report", "suite",
        "suma y sigue", "continúa", "viene de", "riporto", "a riportare", "continua", "segue", "transport",
        "overdracht", "vervolg", "transporteren", "do przeniesienia", "z przeniesienia", "ciąg dalszy", "fortsättning",
        "fortsættes", "fortsatt", "jatkuu", "folytatás", "pokračování", "pokračovanie", "nastavak", "продолжение",
        "продовження", "devam", "continuação", "a transportar", "continuare", "next page", "see over", "cont'd",
    )
)  # fmt: skip
_BOTH = re.compile(rf"(?<!\d)(\d{{1,3}}){OF}(\d{{1,3}})(?!\d)")
_LONE = re.compile(r"[-–—|.(]*(\d{1,3})[-–—|.)]*")
_NUMBER = re.compile(r"\d")

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Look:
    """One page as its neighbours are compared with it."""

    page: Page
    number: int  # that the page gives itself; 0: none
    total: int  # of how many it says it is; 0: does not say
    lone: frozenset[int]  # numbers that stand alone in its head or foot
    profile: Floats
    terms: Counter[int]  # hashed words, digits as 0
    opening: Ints  # buckets of the first words and pairs of words
    top: frozenset[str]  # words of the letterhead, without figures
    foot: frozenset[str]
    head_figures: frozenset[str]  # numbers, dates and codes in the upper part
    figures: frozenset[str]  # and anywhere
    said: dict[str, frozenset[str]]  # by label what stands beside it
    carried: tuple[bool, bool]  # forwarding words in its upper part, in its lower
    first_tall: float  # height of the tallest of the first words against the usual
    filled: tuple[float, float]  # first and last ink of its words, in fractions of its height
    height: float  # of a usual word, in fractions of the page's width
    sure: float  # what the engine thought of its words
    begins_low: bool  # the first word has a small letter
    ends_open: bool  # the last one has no full stop

    @property
    def is_blank(self) -> bool:
        return len(self.page.words) < 3


def look(page: Page) -> Look:
    """What one page shows."""
    layout = Anchors(trade_names(), {}).mark(lay_out([page]))
    words = page.words
    number, total = _page_number(page)
    tall = np.array([w.box.height for w in words]) if words else np.zeros(1)
    usual = float(np.median(tall)) or 0.01
    body = [w for w in words if TOP < w.box.centre[1] < BOTTOM] or list(words)
    return Look(
        page,
        number,
        total,
        frozenset(_lone_numbers(page)),
        profile([page]),
        Counter(_bucket(_plain(word.text)) for word in words),
        _opening(page),
        _texts(page, 0, TOP),
        _texts(page, BOTTOM, 1),
        _figures(page, HEAD),
        _figures(page, 1),
        _said(layout),
        (_carries(page, 0, 0.4), _carries(page, 0.6, 1)),
        float(tall[:25].max()) / usual,
        (words[0].box.y0, max(w.box.y1 for w in words)) if words else (1.0, 0.0),
        usual * page.height / max(page.width, 1),
        float(np.mean([w.confidence for w in words])) if words else 1.0,
        bool(body) and body[0].text[:1].islower(),
        bool(body) and body[-1].text[-1:] not in ".!?:",
    )


def _plain(text: str) -> str:
    return re.sub(r"\d+", "0", compact(text))


def _bucket(text: str) -> int:
    return zlib.crc32(text.encode()) % BUCKETS


def _opening(page: Page) -> Ints:
    words = [_plain(word.text) for word in page.words[:OPENING]]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    return np.unique(np.array([_bucket(text) for text in (*words, *pairs)], np.int64))


def _page_number(page: Page) -> tuple[int, int]:
    """Number and total in "Page 2 of 3", "Seite 2/3", or "2 / 3" in the head or foot; 0 where it does not say."""
    found = (0, 0)
    for row in _rows(page):
        y = row[0].box.centre[1]
        text = "".join(word.text for word in row).lower()
        named = _is_named(row)
        margin = y < TOP or y > BOTTOM
        for match in _BOTH.finditer(text):
            one, of = int(match[1]), int(match[2])
            if 1 <= one <= of and (named or (margin and len(text) <= len(match[0]) + 6)):
                return one, of
        if named and (after := _number_after(row)):
            found = (after, 0)
    return found


def _is_named(row: Sequence[Word]) -> bool:
    return any(_is_page_word(word.text) for word in row)


@cache
def _page_words() -> frozenset[str]:
    return frozenset(phrase for phrase, name in trade_names().items() if name == "page") | {"PAGINA", "PG", "SIDOR"}


def _is_page_word(text: str) -> bool:
    plain = re.sub(r"[\W\d_]+.*$", "", text.strip("-–(|"))
    return bool(plain) and compact(plain) in _page_words()


def _number_after(row: Sequence[Word]) -> int:
    """The number that follows the word for a page at once."""
    for place, word in enumerate(row):
        if _is_page_word(word.text):
            text = word.text + "".join(w.text for w in row[place + 1 : place + 3])
            match = re.search(r"\d{1,3}", text)
            plain = re.sub(r"\W", "", text[: match.start()]) if match else ""
            if match and len(plain) <= len(re.sub(r"\W", "", word.text)) + 2 and int(match[0]) <= MOST_PAGES:
                return int(match[0])
    return 0


def _lone_numbers(page: Page) -> Iterator[int]:
    for row in _rows(page):
        y = row[0].box.centre[1]
        if (y < 0.1 or y > 0.9) and len(row) <= 3:
            match = _LONE.fullmatch("".join(word.text for word in row))
            if match:
                yield int(match[1])


def _rows(page: Page) -> list[list[Word]]:
    rows: dict[int, list[Word]] = {}
    for word in page.words:
        rows.setdefault(word.line, []).append(word)
    return list(rows.values())


def _texts(page: Page, low: float, high: float) -> frozenset[str]:
    inside = (compact(w.text) for w in page.words if low <= w.box.centre[1] <= high)
    return frozenset(key for key in inside if len(key) > 2 and not _NUMBER.search(key))


def _figures(page: Page, low: float) -> frozenset[str]:
    inside = (compact(w.text) for w in page.words if w.box.centre[1] <= low)
    return frozenset(key for key in inside if sum(c.isdigit() for c in key) >= 4)


def _carries(page: Page, low: float, high: float) -> bool:
    """Whether words that carry a sum or a text over the page stand in this part of it."""
    for row in _rows(page):
        if not low <= row[0].box.centre[1] <= high or len(row) > 8:
            continue
        keys = [compact(word.text) for word in row]
        if any(
            "".join(keys[a:b]) in CARRIED for a in range(len(keys)) for b in range(a + 1, min(a + 5, len(keys) + 1))
        ):
            return True
    return False


def _said(layout: Layout) -> dict[str, frozenset[str]]:
    """What stands beside the labels of numbers, dates and parties: the first word with a figure, or the next words."""
    found: dict[str, set[str]] = {}
    names = layout.anchors
    for segment_number, segment in enumerate(layout.segments):
        last = segment[-1]
        for place, token in enumerate(segment):
            name = names[token]
            if name not in NAMED or (place + 1 < len(segment) and names[segment[place + 1]] == name):
                continue
            after = [t for t in segment[place + 1 :] if layout.compacts[t]][:2]
            if not after and segment_number + 1 < len(layout.segments):
                following = layout.segments[segment_number + 1]
                after = following[:2] if layout.line[following[0]] == layout.line[last] else []
            said = "".join(layout.compacts[t] for t in after)
            if said and (name in ("seller", "buyer") or _NUMBER.search(said)):
                found.setdefault(name, set()).add(said)
    return {name: frozenset(values) for name, values in found.items()}
