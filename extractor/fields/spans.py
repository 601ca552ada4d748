"""A candidate inside the scorer: a typed stretch of tokens, and the running text in which values are searched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from extractor.fields.layout import Layout
from extractor.kinds.date import Span as TextSpan
from models.doctype import Kind


class Span(NamedTuple):
    """Tokens that may be a value of `kind`; `key` is the value's canonical text."""

    kind: Kind
    tokens: tuple[int, ...]
    text: str
    value: str
    key: str


class Running(NamedTuple):
    """Text of some tokens and, for each character, the token it comes from."""

    text: str
    owner: list[int]

    def tokens(self, span: TextSpan) -> tuple[int, ...]:
        return tuple(dict.fromkeys(t for t in self.owner[span.start : span.end] if t >= 0))


def running(layout: Layout, tokens: Sequence[int], wide: float = 0.03) -> Running:
    """The text of `tokens`; a tab stands between segments that are far apart, so that no value spans them."""
    text: list[str] = []
    owner: list[int] = []
    for before, token in zip((-1, *tokens), tokens, strict=False):
        if before >= 0:
            separator = _separator(layout, before, token, wide)
            text.append(separator)
            owner += [-1] * len(separator)
        text.append(layout.text[token])
        owner += [token] * len(layout.text[token])
    return Running("".join(text), owner)


def _separator(layout: Layout, before: int, token: int, wide: float) -> str:
    if layout.glued[token] and before == token - 1:
        return ""
    if layout.line[before] != layout.line[token] or layout.segment[before] == layout.segment[token]:
        return " "
    return " " if layout.box[token, 0] - layout.box[before, 2] < wide else "\t"


def unique(spans: Iterable[Span]) -> list[Span]:
    """The same tokens and value only once."""
    return list({(s.tokens, s.key): s for s in spans}.values())
