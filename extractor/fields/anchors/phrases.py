"""Which words of a page are labels, and what they name: by the anchors of a document type, and by those of trade.

A label counts as what it names (`<due_date>`), not as its words, so that what was learned beside "Due date" is known
beside "Zahlbar bis". Types from several countries (`mixed_locales`) know `trade.toml`, the labels of papers of trade in
many languages; the anchors of a field that it knows are called as there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from extractor.fields.layout import Layout
from extractor.kinds.text import compact
from models.doctype import DocumentType

MOST_TOKENS = 6
PARTIES = frozenset({"seller", "buyer", "name", "address", "ship_to", "other_party", "contact", "bank"})
NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Anchors:
    """What phrases name, by their compact key; and what each field's own labels are called."""

    names: Mapping[str, str]
    fields: Mapping[str, str]

    def mark(self, layout: Layout) -> Layout:
        """The layout with the name of what it says beside each token of a label."""
        found = [""] * len(layout)
        if self.names:
            for segment in layout.segments:
                for tokens, name in self._labels(layout, segment):
                    for token in tokens:
                        found[token] = name
        return replace(layout, anchors=tuple(found))

    def _labels(self, layout: Layout, segment: Sequence[int]) -> Iterator[tuple[Sequence[int], str]]:
        start = 0
        while start < len(segment):
            for end in range(min(len(segment), start + MOST_TOKENS), start, -1):
                tokens = segment[start:end]
                name = self._name(layout, tokens)
                if name and (name not in PARTIES or _stands_alone(layout, segment, start, end)):
                    yield tokens, name
                    start = end
                    break
            else:
                start += 1

    def _name(self, layout: Layout, tokens: Sequence[int]) -> str:
        """What the tokens name as a phrase; of two words parted by a slash what the first known one does."""
        name = self.names.get("".join(layout.compacts[t] for t in tokens), "")
        if name or len(tokens) > 1 or "/" not in layout.text[tokens[0]]:
            return name
        return next((n for part in layout.text[tokens[0]].split("/") if (n := self.names.get(compact(part), ""))), "")


def _stands_alone(layout: Layout, segment: Sequence[int], start: int, end: int) -> bool:
    """At the start of its segment and ended by a colon or by nothing: not a part of a firm's name."""
    return start == 0 and (end == len(segment) or layout.text[segment[end - 1]].endswith(":"))


def anchors_of(doctype: DocumentType) -> Anchors:
    """The labels of a type; a type of one country has none, as its words are learned."""
    if not doctype.mixed_locales:
        return Anchors(NO_LABELS, NO_LABELS)
    return _anchors(tuple((f.name, f.anchors) for f in doctype.fields))


@lru_cache(maxsize=64)
def _anchors(fields: tuple[tuple[str, tuple[str, ...]], ...]) -> Anchors:
    names = dict(trade_names())
    called: dict[str, str] = {}
    for field, anchors in fields:
        known = [names[key] for anchor in anchors if (key := compact(anchor)) in names]
        called[field] = field if field in names.values() or not known else max(set(known), key=known.count)
        for anchor in anchors:
            names.setdefault(compact(anchor), called[field])
    return Anchors(names, called)


@cache
def trade_names() -> Mapping[str, str]:
    """Compact phrase to name; the first name that lists a phrase has it."""
    table = tomllib.loads(Path(__file__).with_name("trade.toml").read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for name, phrases in table.items():
        for phrase in phrases:
            names.setdefault(compact(phrase), name)
    return names
