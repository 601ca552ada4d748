"""The words of a document laid out for scoring: cleaned tokens, their places, rows, segments and neighbours."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from extractor.kinds.text import compact, fold, repair
from models.values import Page

FIRST_PAGES, LAST_PAGES = 8, 3  # of longer documents only these are searched
OUTLINE = 8  # signs of a word that tell its kind
_BRACKET = re.compile(r"(?<=\w)(?=[(\[].{5})")
_LABEL = re.compile(r"(?<=[^\W\d]:)(?=[^\W\d])")
_DIGITS = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]+")
_LONG_NUMBER = re.compile(r"0{3,}")

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Tokens in reading order. A word glued to a bracket or a label is two tokens; `word` leads back to the page.

    `box` is in units of the width of the text on its page, so that margins of a photograph do not matter.
    """

    pages: tuple[Page, ...]
    text: tuple[str, ...]
    page: Ints  # index into `pages`
    word: Ints  # index into the page's words
    box: Floats  # [n, 4]
    line: Ints  # rows count over the document
    segment: Ints  # and so do segments
    confidence: Floats
    anchors: tuple[str, ...] = ()  # what the label names that a token belongs to (`anchors.phrases`); empty: none

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def rows(self) -> list[list[int]]:
        """Token indexes of each row, in reading order."""
        return _grouped(self.line)

    @cached_property
    def segments(self) -> list[list[int]]:
        return _grouped(self.segment)

    @cached_property
    def height(self) -> float:
        """Median height of a token."""
        return float(np.median(self.box[:, 3] - self.box[:, 1])) or 0.01 if len(self) else 0.01

    @cached_property
    def spaces(self) -> list[float]:
        """The space before each token in heights of a token; 0 where a row begins."""
        gap = np.append(0.0, self.box[1:, 0] - self.box[:-1, 2]) / self.height
        return [float(g) for g in np.where(np.append(False, np.diff(self.line) == 0), gap, 0.0)]

    @cached_property
    def glued(self) -> list[bool]:
        """Whether each token is a further piece of the word that the token before belongs to."""
        return [bool(g) for g in np.append(False, (np.diff(self.word) == 0) & (np.diff(self.page) == 0))]

    @cached_property
    def _any_glued(self) -> frozenset[int]:
        return frozenset(n for n, glued in enumerate(self.glued) if glued)

    @cached_property
    def shapes(self) -> NDArray[np.uint32]:
        """A hash of each term, upper-cased and with its digits turned to 0: what lexicons count."""
        return np.array([zlib.crc32(shape(t).encode()) for t in self.terms], np.uint32)

    @cached_property
    def terms(self) -> list[str]:
        """The text of each token; of a label what it names, so that it counts the same in all languages."""
        named = self.anchors or ("",) * len(self)
        return [f"<{name}>" if name else text for text, name in zip(self.text, named, strict=True)]

    @cached_property
    def outlines(self) -> NDArray[np.uint32]:
        """A hash of each token's outline: how a word that no training document had looks from afar."""
        return np.array([zlib.crc32(outline(t).encode()) for t in self.text], np.uint32)

    @cached_property
    def compacts(self) -> list[str]:
        """The compact key of each token; empty for punctuation."""
        return [key if (key := compact(t)).isalnum() else "" for t in self.text]

    @cached_property
    def letters(self) -> list[int]:
        return [sum(map(str.isalpha, t)) for t in self.text]

    @cached_property
    def digits(self) -> list[int]:
        return [sum(map(str.isdigit, t)) for t in self.text]

    @cached_property
    def makeup(self) -> Ints:
        """[n, 5] of each token: its length, figures, letters, capitals, and whether it holds a comma."""
        of_each = [
            (len(w), figures, letters, sum(map(str.isupper, w)), "," in w)
            for w, figures, letters in zip(self.text, self.digits, self.letters, strict=True)
        ]
        return np.array(of_each)

    def join(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`: pieces of one word without a space between them."""
        if not self._any_glued.intersection(tokens):
            return " ".join([self.text[token] for token in tokens])
        parts: list[str] = []
        for before, token in zip((-1, *tokens), tokens, strict=False):
            glued = self.glued[token] and before == token - 1
            parts.append(self.text[token] if glued or not parts else " " + self.text[token])
        return "".join(parts)


def shape(text: str) -> str:
    """`text` upper-cased, digits as 0, long numbers as 000, without outer punctuation."""
    plain = _DIGITS.sub("0", text.upper()).strip(".,;()[]*\"'|")
    return _LONG_NUMBER.sub("000", plain) or "~"


def outline(text: str) -> str:
    """`text` with runs of letters as A to AAA and digits as 0, no longer than eight signs: L4-17, becomes A0-00,"""
    plain = _DIGITS.sub("0", fold(text))
    return _LETTERS.sub(lambda run: "A" * min(len(run.group()), 3), plain)[:OUTLINE]


def _grouped(labels: Ints) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for token, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(token)
    return list(groups.values())


@functools.lru_cache(maxsize=20_000)
def _cleaned(text: str) -> tuple[int, list[str]]:
    """Length and pieces of a word once repaired; the words of a kind of document recur."""
    cleaned = repair(text)
    return max(len(cleaned), 1), _pieces(cleaned)


def _pieces(text: str) -> list[str]:
    return [piece for part in _BRACKET.split(text) for piece in _LABEL.split(part) if piece]


def searched(pages: Sequence[Page]) -> tuple[Page, ...]:
    """All pages of a usual document; the first and the last ones of a long one."""
    if len(pages) <= FIRST_PAGES + LAST_PAGES:
        return tuple(pages)
    return (*pages[:FIRST_PAGES], *pages[-LAST_PAGES:])


def lay_out(pages: Sequence[Page]) -> Layout:
    """The tokens of the pages that are searched for values."""
    pages = searched(pages)
    text: list[str] = []
    rows: list[tuple[int, int, int, int, float]] = []
    boxes: list[Floats] = []
    line = segment = -1
    for number, page in enumerate(pages):
        last: tuple[int, int] | None = None
        places: list[tuple[float, float, float, float]] = []
        for index, word in enumerate(page.words):
            if last is None or word.line != last[0]:
                line, segment = line + 1, segment + 1
            elif word.segment != last[1]:
                segment += 1
            last = (word.line, word.segment)
            total, pieces = _cleaned(word.text)
            done = 0
            for piece in pieces:
                start = word.box.x0 + word.box.width * done / total
                done += len(piece)
                places.append((start, word.box.y0, word.box.x0 + word.box.width * done / total, word.box.y1))
                text.append(piece)
                rows.append((number, index, line, segment, word.confidence))
        boxes.append(_scaled(places, page))
    table = np.array(rows, np.float64).reshape(-1, 5)
    whole = table[:, :4].astype(np.int64).T
    all_boxes = np.concatenate([*boxes, np.zeros((0, 4), np.float32)])
    return Layout(pages, tuple(text), whole[0], whole[1], all_boxes, whole[2], whole[3], table[:, 4].astype(np.float32))


def _scaled(places: list[tuple[float, float, float, float]], page: Page) -> Floats:
    """Fractions of the page to units of the width of its text, from the text's own corner."""
    box = np.array(places, np.float32).reshape(-1, 4)
    if not len(box):
        return box
    box[:, 1::2] *= page.height / max(page.width, 1)
    left, top, width = box[:, 0].min(), box[:, 1].min(), max(box[:, 2].max() - box[:, 0].min(), 0.4)
    scaled: Floats = (box - np.array([left, top, left, top], np.float32)) / width
    return scaled
