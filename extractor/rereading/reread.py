"""A page read again by confirmed text: words that the text model would read otherwise, where that may be believed.

Numbers stay as the recogniser read them: no figure is replaced, added or lost, and a word that is mostly figures (an
amount, a date, an identifier) is left alone. What a word was before stays with it (`Word.seen`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from rapidfuzz import fuzz

from extractor.rereading.decoding import decode
from extractor.rereading.ngrams import TextModel
from extractor.rereading.traces import Packed, steps_of, unpack
from models.values import Box, Page, Word

_FIGURE = re.compile(r"\d")
ALIKE = 50.0  # per cent of equal characters
LETTERS_EACH = 2  # letters that must stand in a word for each figure in it that was a misread letter


def reread(pages: Sequence[Page], model: TextModel) -> tuple[Page, ...]:
    """The pages as confirmed text has them; they have no traces any more where a word was changed."""
    return tuple(_reread_page(page, model) for page in pages)


def _reread_page(page: Page, model: TextModel) -> Page:
    instead: dict[int, list[Word]] = {}
    for indexes, packed in unpack(page.traces):
        words = [page.words[k] for k in indexes]
        for start, end, tokens in changes([word.text for word in words], packed, model):
            instead[indexes[start]] = _renamed(words[start:end], tokens)
            instead |= {k: [] for k in indexes[start + 1 : end]}
    if not instead:
        return page
    words = [new for k, word in enumerate(page.words) for new in instead.get(k, (word,))]
    return replace(page, words=tuple(words), traces="")


def changed_lines(page: Page, model: TextModel) -> Iterator[tuple[str, str]]:
    """The lines that the model reads otherwise: as the engine read them, and as they become."""
    for indexes, packed in unpack(page.traces):
        words = [page.words[k].text for k in indexes]
        after: list[str] = []
        at = 0
        for start, end, tokens in changes(words, packed, model):
            after += [*words[at:start], *tokens]
            at = end
        if after:
            yield " ".join(words), " ".join([*after, *words[at:]])


Change = tuple[int, int, list[str]]  # the words from .. to .. become these


def changes(words: Sequence[str], packed: Packed, model: TextModel) -> list[Change]:
    """What the text model would read otherwise in a line of `words`, as far as it may."""
    after = decode(steps_of(packed), model).split()
    if not after or after == list(words):
        return []
    found = SequenceMatcher(None, list(words), after, autojunk=False).get_opcodes()
    return [
        (a, b, part)
        for kind, a, b, c, d in found
        if kind == "replace"
        for a, b, part in _paired(words, a, b, after[c:d])
        if may_become(" ".join(words[a:b]), " ".join(part)) and model.knows(" ".join(part))
    ]


def _paired(words: Sequence[str], start: int, end: int, after: list[str]) -> Iterator[Change]:
    """As many words as before are judged one by one; else the whole stretch."""
    if end - start == len(after) and all(map(_alike, words[start:end], after)):
        yield from ((start + k, start + k + 1, [token]) for k, token in enumerate(after) if token != words[start + k])
    else:
        yield start, end, after


def _alike(before: str, after: str) -> bool:
    """Whether one word may be another reading of the other, and not of what stands beside it."""
    return fuzz.ratio(before, after) >= ALIKE


def may_become(before: str, after: str) -> bool:
    """Whether `after` may stand for `before`: every number and identifier stays, and no other word with figures comes.

    A word that is mostly letters may lose its figures: they are letters misread (S0N, 1ALAN).
    """
    had, has = (Counter(token for token in text.split() if _FIGURE.search(token)) for text in (before, after))
    numbers = Counter(token for token in had.elements() if _is_numeric(token))
    return not (has - had) and not (numbers - has)


def _is_numeric(token: str) -> bool:
    """Whether a word with figures is a number, a date or an identifier, not a word with a misread letter."""
    return bool(_FIGURE.search(token)) and not _is_mostly_letters(token)


def _is_mostly_letters(token: str) -> bool:
    figures = len(_FIGURE.findall(token))
    return sum(map(str.isalpha, token)) >= LETTERS_EACH * figures


def _renamed(words: Sequence[Word], tokens: Sequence[str]) -> list[Word]:
    """The words of a stretch under their new texts; where their number changes, its room is shared by length."""
    if len(words) == len(tokens):
        return [replace(w, text=t, seen=w.seen or w.text) for w, t in zip(words, tokens, strict=True)]
    box = Box.union(word.box for word in words)
    first, seen = words[0], " ".join(word.seen or word.text for word in words)
    confidence = min(word.confidence for word in words)
    total, at = sum(map(len, tokens)) + len(tokens) - 1, 0
    renamed = []
    for token in tokens:
        x0, x1 = (box.x0 + box.width * k / total for k in (at, at + len(token)))
        at += len(token) + 1
        renamed.append(Word(token, Box(x0, box.y0, x1, box.y1), confidence, first.line, first.segment, seen))
    return renamed
