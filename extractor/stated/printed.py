"""Where a value that the file states is printed: dates and amounts by value, names and numbers by their signs.

A name may run over several lines of a column; a value may be printed several times, and every place is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from extractor import kinds
from extractor.fields.anchors.phrases import anchors_of
from extractor.fields.candidates import find_candidates
from extractor.fields.layout import Layout, lay_out
from extractor.fields.locales import locale_of_document
from extractor.fields.scoring.labelled import Labelled, labelled
from extractor.fields.spans import Span
from extractor.kinds.text import compact
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Page

MOST_WORDS = 24
BY_VALUE = frozenset({Kind.DATE, Kind.MONEY, Kind.CHOICE, Kind.CHECKBOX})


@dataclass(frozen=True)
class Place:
    """Words that say a value: its text as printed, the page, and a box around them."""

    text: str
    page: int
    box: Box


class Print:
    """The print of one document, searched for values."""

    def __init__(self, pages: Sequence[Page], doctype: DocumentType) -> None:
        self.doctype = doctype
        self._anchors = anchors_of(doctype)
        self.layout: Layout = self._anchors.mark(lay_out(pages))
        self._spans = find_candidates(self.layout, doctype) if len(self.layout) else {}
        self._starts: dict[str, list[int]] = {}
        for token, key in enumerate(self.layout.compacts):
            if key:
                self._starts.setdefault(key[0], []).append(token)

    def spans(self, kind: Kind) -> Sequence[Span]:
        """Everything on the pages that may be a value of `kind`."""
        return self._spans.get(kind, ())

    def called(self, field: FieldSpec) -> str:
        """What the labels of `field` name."""
        return self._anchors.fields.get(field.name, field.name)

    def label_beside(self, token: int, within: int) -> str:
        """What the label on the row before `token` names, if it ends at most `within` tokens before; else nothing."""
        label = int(self._labels.tokens[token, 0])
        is_near = label >= 0 and self._labels.distance[token, 0] <= within
        return self.layout.anchors[label] if is_near else ""

    @cached_property
    def _labels(self) -> Labelled:
        return labelled(self.layout)

    def places(self, field: FieldSpec, value: str) -> list[Place]:
        """Every place where `value` is printed, in reading order."""
        found = self._by_value(field, value) if field.kind in BY_VALUE else []
        runs = found or [list(run) for run in self._by_signs(field, value)]
        return [self.place(tokens) for tokens in runs]

    def _by_value(self, field: FieldSpec, value: str) -> list[list[int]]:
        wanted = kinds.key(field.kind, value)
        return [list(span.tokens) for span in self._spans.get(field.kind, ()) if span.key == wanted]

    def _by_signs(self, field: FieldSpec, value: str) -> Iterator[Sequence[int]]:
        """Runs of words in reading order, or down a column, whose signs together are those of the value.

        Of a number the first and the last sign must be those of a word; 12 is no part of 120.
        """
        wanted = compact(value)
        if field.kind is Kind.MONEY:
            yield from self._bare(value)
            return
        if not wanted or not any(c.isalnum() for c in wanted):
            return
        for first in self._starts.get(wanted[0], ()):
            for following in (self._next_word, self._below):
                run = self._run(first, wanted, following)
                if run:
                    yield run
                    break

    def _bare(self, value: str) -> Iterator[Sequence[int]]:
        """Whole numbers without a mark, which are no amounts by themselves."""
        wanted = kinds.key(Kind.MONEY, value)
        locale = locale_of_document(self.layout, self.doctype)
        for token, digits in enumerate(self.layout.digits):
            if digits and any(
                kinds.key(Kind.MONEY, meant) == wanted
                for meant in kinds.readings(Kind.MONEY, self.layout.text[token], locale)
            ):
                yield (token,)

    def _run(self, first: int, wanted: str, following: Callable[[int], int | None]) -> list[int] | None:
        run, rest = [first], wanted
        token: int | None = first
        while token is not None and len(run) <= MOST_WORDS:
            key = self.layout.compacts[token]
            if not rest.startswith(key):
                return None
            rest = rest[len(key) :]
            if not rest:
                return run
            token = following(token)
            if token is not None:
                run.append(token)
        return None

    def _next_word(self, token: int) -> int | None:
        after = token + 1
        inside = after < len(self.layout) and self.layout.page[after] == self.layout.page[token]
        return after if inside else None

    def _below(self, token: int) -> int | None:
        """The next word of the segment, or the first of the segment below that begins at about the same place."""
        layout = self.layout
        after = token + 1
        if after < len(layout) and layout.segment[after] == layout.segment[token]:
            return after
        left = layout.box[layout.segments[layout.segment[token]][0], 0]
        bottom, height = layout.box[token, 3], layout.height
        under = [
            segment[0]
            for segment in layout.segments[layout.segment[token] + 1 : layout.segment[token] + 8]
            if layout.page[segment[0]] == layout.page[token]
            and abs(layout.box[segment[0], 0] - left) < height
            and -0.5 * height < layout.box[segment[0], 1] - bottom < 1.5 * height
        ]
        return under[0] if under else None

    def place(self, tokens: Sequence[int]) -> Place:
        """The place that `tokens` take up, which are of one page."""
        layout = self.layout
        page = layout.pages[int(layout.page[tokens[0]])]
        words = dict.fromkeys(int(layout.word[t]) for t in tokens)
        text = " ".join(page.words[word].text for word in words)
        return Place(text, page.number, Box.union(page.words[word].box for word in words))
