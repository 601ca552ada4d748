"""Words of values that an engine misread by one look-alike character: JAIAN for JALAN, put back and said so.

In addresses a word of at least five letters or a pair of neighbouring words, in names only the legal form with the word
before it: SUN BHD for SDN BHD, MART 5/B for MART S/B. Only to words and pairs that stand in the verified values of five
documents, and only where exactly one such is a look-alike away. The book holds hashes, so it may be given away. The
other words of names are left alone: there Zheng and Sheng are two shops.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from extractor import kinds
from extractor.fields.chains import LEGAL_FORMS
from extractor.fields.decisions import Decision
from extractor.kinds.text import compact, fold
from models.doctype import Kind

LEAST_LETTERS = 5
LEAST_DOCUMENTS = 5
RESPELLED = frozenset({Kind.ADDRESS, Kind.NAME})
WORD_BY_WORD = frozenset({Kind.ADDRESS})
_ALIKE = (
    "ILTJ", "OQDCGU", "CE", "EF", "ECS", "SG", "VY", "UV", "BPR", "MN", "NH", "HR", "KX", "AO", "AE", "NW", "SB", "BD",
    "0OQD", "1ILJT", "5S", "6G", "8B", "2Z",
)  # fmt: skip
LOOK_ALIKES = {
    letter: "".join(sorted({c for group in _ALIKE if letter in group for c in group} - {letter}))
    for letter in sorted(set("".join(_ALIKE)))
}
_WORD = re.compile(rf"[A-Za-z]{{{LEAST_LETTERS},}}")


@dataclass(frozen=True)
class Spelling:
    """The hashes of the words that are known to be spelled right."""

    words: frozenset[int] = frozenset()

    @classmethod
    def of(cls, documents: Iterable[Iterable[str]]) -> Spelling:
        """The words and the pairs of words that stand in the values of enough `documents`."""
        count = Counter(h for values in documents for h in {h for value in values for h in _units(fold(value))})
        return cls(frozenset(h for h, seen in count.items() if seen >= LEAST_DOCUMENTS))

    def correct(self, text: str, kind: Kind = Kind.ADDRESS) -> str:
        """`text` with its misread words put right, in their own case."""
        if not self.words:
            return text
        if kind in WORD_BY_WORD:
            text = _WORD.sub(lambda m: self._word(m.group()), text)
        words = text.split(" ")
        for place in range(len(words) - 1):
            words[place], words[place + 1] = self._pair(words[place], words[place + 1], kind)
        return " ".join(words)

    def apply(self, decisions: Mapping[str, Decision]) -> dict[str, Decision]:
        """Decisions whose addresses and names are spelled right; what was read stays in the provenance."""
        return {name: self._respelled(decision) for name, decision in decisions.items()}

    def _respelled(self, decision: Decision) -> Decision:
        kind = decision.field.kind
        if kind not in RESPELLED or len(decision.choices) != 1:
            return decision
        choice = decision.choices[0]
        value = self.correct(choice.value, kind)
        if value == choice.value:
            return decision
        right = replace(choice, value=value, key=kinds.key(kind, value))
        return replace(
            decision,
            choices=(right,),
            provenance=dict(decision.provenance) | {"spelling": "a look-alike letter", "read_as": choice.value},
        )

    def _word(self, word: str) -> str:
        if _hash(word) in self.words:
            return word
        found = [v for v in _variants(word) if _hash(v) in self.words]
        return found[0] if len(found) == 1 else word

    def _pair(self, one: str, other: str, kind: Kind) -> tuple[str, str]:
        if not _is_pair(one, other) or _pair_hash(one, other) in self.words:
            return one, other
        left, right = compact(one), compact(other)
        changed = [(v, other, key, key, right) for v in _variants(one) if (key := compact(v))]
        changed += [(one, v, key, left, key) for v in _variants(other) if (key := compact(v))]
        found = [
            (a, b)
            for a, b, key, first, second in changed
            if _hash(f"{first} {second}") in self.words and _may_change(a, b, key, kind)
        ]
        return found[0] if len(found) == 1 else (one, other)


UNTAUGHT = Spelling()


def _hash(word: str) -> int:
    return zlib.crc32(word.upper().encode())


def _pair_hash(one: str, other: str) -> int:
    return _hash(f"{compact(one)} {compact(other)}")


def _is_pair(one: str, other: str) -> bool:
    """Whether two neighbouring words say enough together: SDN BHD does, NO 5 does not."""
    return min(len(compact(one)), len(compact(other))) > 0 and len(compact(one + other)) >= LEAST_LETTERS


def _may_change(one: str, other: str, key: str, kind: Kind) -> bool:
    """Whether the word `key` of a pair may be misread: no single character, and in a name only the legal form."""
    if kind in WORD_BY_WORD:
        return len(key) > 1
    return key in LEGAL_FORMS or compact(one + other) in LEGAL_FORMS


def _units(value: str) -> set[int]:
    """The hashes of what is counted: words, and pairs of neighbours."""
    pairs = {_pair_hash(*pair) for pair in itertools.pairwise(value.split()) if _is_pair(*pair)}
    return pairs | {_hash(word) for word in _WORD.findall(value)}


def _variants(word: str) -> list[str]:
    """Every word that is one look-alike character away; a letter for a digit is as large as the others."""
    large = not any(c.islower() for c in word)
    return [
        word[:place] + (other if c.isupper() or (large and c.isdigit()) else other.lower()) + word[place + 1 :]
        for place, c in enumerate(word)
        for other in LOOK_ALIKES.get(c.upper(), "")
    ]
