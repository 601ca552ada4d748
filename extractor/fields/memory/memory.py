"""Vendor memory: verified values of a vendor that was seen before correct the reading of its next document.

A frozen table made of the training documents of one workspace. A vendor is recognised by a registration, tax or phone
number that its documents share, else by a text that is almost the same. The thresholds are fitted out of fold; the raw
reading stays visible. It repairs what the engine misread; it can also copy a wrong label, so provenance says so.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process

from extractor import kinds
from extractor.fields.decisions import Choice, Decision
from extractor.fields.scoring.features import Scene
from models.doctype import DocumentType, Kind
from models.values import ValueState

REMEMBERED = frozenset({Kind.NAME, Kind.ADDRESS})
VENDOR_RATIOS = (101.0, 50.0, 60.0, 70.0, 80.0, 90.0)
TEXT_RATIOS = (101.0, 94.0, 92.0, 90.0, 88.0, 85.0)
OFF = 101.0
LISTED_VENDOR, LISTED_TEXT = 80.0, 92.0  # for master data, on which nothing was fitted
_NUMBER = re.compile(r"\d[\d\-]{5,}\d(?:-?[A-Z])?")


@dataclass(frozen=True)
class Fact:
    """A verified value: field, value as people gave it, its key, and the numbers printed on its document."""

    field: str
    value: str
    key: str
    numbers: frozenset[str]


@dataclass(frozen=True)
class Ratios:
    """From which likeness (per cent) a reading gives way: to a value of the same vendor, to any known value."""

    vendor: float = OFF
    text: float = OFF


def numbers_of(scene: Scene) -> frozenset[str]:
    """Registration, tax and phone numbers: 7 to 14 digits."""
    text = " ".join(scene.layout.text)
    plain = (re.sub(r"\D", "", m.group()) for m in _NUMBER.finditer(text))
    return frozenset(n for n in plain if 7 <= len(n) <= 14)


@dataclass(frozen=True, eq=False)
class Memory:
    """Facts by field, ready to be looked up."""

    facts: tuple[Fact, ...]
    ratios: dict[str, Ratios]
    source: str = "memory"  # under which a correction stands in the provenance

    @classmethod
    def of_master_data(cls, facts: Iterable[Fact]) -> Memory:
        """A workspace's own list: it is looked up by ratios that nobody fitted."""
        kept = tuple(facts)
        return cls(kept, {f.field: Ratios(LISTED_VENDOR, LISTED_TEXT) for f in kept}, "master_data")

    def apply(self, scene: Scene, decisions: Mapping[str, Decision]) -> dict[str, Decision]:
        """Decisions in which known values stand for their damaged readings."""
        numbers = numbers_of(scene)
        return {name: self._correct(decision, numbers) for name, decision in decisions.items()}

    def _correct(self, decision: Decision, numbers: frozenset[str]) -> Decision:
        ratios = self.ratios.get(decision.field.name)
        if ratios is None or len(decision.choices) != 1 or decision.field.repeated:
            return decision
        choice = decision.choices[0]
        known = self._book.get(decision.field.name)
        fact, why = known.look_up(choice.key, numbers, ratios) if known else (None, "")
        if fact is None:
            return decision
        if fact.key == choice.key:
            return decision.with_evidence(memory_kept=1.0)
        return _replaced(decision, choice, fact, {self.source: why})

    @property
    def _book(self) -> dict[str, Shelf]:
        if not hasattr(self, "_shelves"):
            object.__setattr__(self, "_shelves", shelves(self.facts))
        found: dict[str, Shelf] = self.__dict__["_shelves"]
        return found

    def to_table(self) -> dict[str, Any]:
        return {
            "facts": [[f.field, f.value, sorted(f.numbers)] for f in self.facts],
            "ratios": {name: [r.vendor, r.text] for name, r in self.ratios.items()},
        }

    @classmethod
    def from_table(cls, table: Mapping[str, Any], doctype: DocumentType) -> Memory:
        facts = tuple(
            Fact(name, value, kinds.key(doctype.field(name).kind, value), frozenset(numbers))
            for name, value, numbers in table["facts"]
        )
        return cls(facts, {name: Ratios(*pair) for name, pair in table["ratios"].items()})


def _replaced(decision: Decision, choice: Choice, fact: Fact, why: dict[str, str]) -> Decision:
    return replace(
        decision.with_evidence(memory_changed=1.0),
        state=ValueState.FOUND,
        choices=(replace(choice, key=fact.key, value=fact.value),),
        alternatives=((choice.value, round(float(np.exp(choice.score)), 4)), *decision.alternatives),
        provenance=dict(decision.provenance) | why | {"read_as": choice.value},
    )


@dataclass(frozen=True, eq=False)
class Shelf:
    """The known values of one field."""

    values: dict[str, str]  # key -> the value most often given
    count: Counter[str]  # key -> documents
    vendors: dict[str, Counter[str]]  # number -> keys of the documents that carry it

    def look_up(self, key: str, numbers: Iterable[str], ratios: Ratios) -> tuple[Fact | None, str]:
        """The known value that `key` is a reading of, and how it was recognised."""
        found = self._of_vendor(key, numbers, ratios.vendor)
        if found is not None:
            return self._fact(found), "the same vendor, by a number on the page"
        if key in self.values:
            return self._fact(key), "a known value"
        if ratios.text <= 100 and self.values:
            match = process.extractOne(key, list(self.values), scorer=fuzz.ratio, score_cutoff=ratios.text)
            if match is not None:
                return self._fact(match[0]), "a known value, almost the same"
        return None, ""

    def _of_vendor(self, key: str, numbers: Iterable[str], least: float) -> str | None:
        keys: Counter[str] = Counter()
        for number in numbers:
            keys.update(self.vendors.get(number, Counter()))
        if not keys or least > 100:
            return None
        best = max(sorted(keys), key=lambda k: fuzz.ratio(k, key) + 2 * min(keys[k], 5))
        return best if fuzz.ratio(best, key) >= least else None

    def _fact(self, key: str) -> Fact:
        return Fact("", self.values[key], key, frozenset())


def shelves(facts: Iterable[Fact]) -> dict[str, Shelf]:
    """Facts by field. A number counts as a vendor's only if all its documents give values that begin alike."""
    spelled: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    vendors: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for fact in facts:
        spelled[fact.field][fact.key][fact.value] += 1
        for number in fact.numbers:
            vendors[fact.field][number][fact.key] += 1
    return {
        name: Shelf(
            {k: v.most_common(1)[0][0] for k, v in values.items()},
            Counter({k: v.total() for k, v in values.items()}),
            {n: c for n, c in vendors[name].items() if len({k[:6] for k in c}) == 1},
        )
        for name, values in spelled.items()
    }


@dataclass(frozen=True)
class Reread:
    """An out-of-fold decision with what is needed to try the memory on it."""

    fold: int
    decision: Decision
    numbers: frozenset[str]
    gold: str  # key


def fit_ratios(facts: Sequence[tuple[int, Fact]], tried: Sequence[Reread], names: Iterable[str]) -> dict[str, Ratios]:
    """For each field the ratios that make most out-of-fold decisions right; facts are (fold, fact)."""
    folds = sorted({t.fold for t in tried})
    books = {fold: shelves(f for other, f in facts if other != fold) for fold in folds}
    found = {}
    for name in names:
        mine = [t for t in tried if t.decision.field.name == name and t.decision.choices]
        scored = [
            (
                _right(mine, name, books, Ratios(vendor, text)),
                -(vendor < OFF) - (text < OFF),
                vendor + text,
                vendor,
                text,
            )
            for vendor in VENDOR_RATIOS
            for text in TEXT_RATIOS
        ]
        if scored and mine:
            best = max(scored)
            found[name] = Ratios(best[3], best[4])
    return found


def _right(tried: Sequence[Reread], name: str, books: Mapping[int, dict[str, Shelf]], ratios: Ratios) -> int:
    right = 0
    for t in tried:
        shelf = books[t.fold].get(name)
        key = t.decision.choices[0].key
        fact = shelf.look_up(key, t.numbers, ratios)[0] if shelf else None
        right += (fact.key if fact else key) == t.gold
    return right
