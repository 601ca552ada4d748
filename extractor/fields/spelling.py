"""Words of addresses that an engine misread by one look-alike letter: JAIAN for JALAN, put back and said so.

Only to words of at least five letters that stand in the verified addresses of five documents, and only where exactly
one such word is a look-alike away. The book holds hashes, so it may be given away. Names are left alone: there Zheng
and Sheng are two shops.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from extractor import kinds
from extractor.fields.decisions import Decision
from extractor.kinds.text import fold
from models.doctype import Kind

LEAST_LETTERS = 5
LEAST_DOCUMENTS = 5
RESPELLED = frozenset({Kind.ADDRESS})
_ALIKE = ("ILTJ", "OQDCGU", "CE", "EF", "ECS", "SG", "VY", "UV", "BPR", "MN", "NH", "HR", "KX", "AO", "AE", "NW", "SB")
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
    def of(cls, values: Iterable[str]) -> Spelling:
        """The words that stand in enough of `values`, one value a document."""
        count = Counter(h for value in values for h in {_hash(w) for w in _WORD.findall(fold(value))})
        return cls(frozenset(h for h, documents in count.items() if documents >= LEAST_DOCUMENTS))

    def correct(self, text: str) -> str:
        """`text` with its misread words put right, in their own case."""
        return _WORD.sub(lambda m: self._word(m.group()), text) if self.words else text

    def apply(self, decisions: Mapping[str, Decision]) -> dict[str, Decision]:
        """Decisions whose addresses are spelled right; what was read stays in the provenance."""
        return {name: self._respelled(decision) for name, decision in decisions.items()}

    def _respelled(self, decision: Decision) -> Decision:
        if decision.field.kind not in RESPELLED or len(decision.choices) != 1:
            return decision
        choice = decision.choices[0]
        value = self.correct(choice.value)
        if value == choice.value:
            return decision
        right = replace(choice, value=value, key=kinds.key(decision.field.kind, value))
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


UNTAUGHT = Spelling()


def _hash(word: str) -> int:
    return zlib.crc32(word.upper().encode())


def _variants(word: str) -> list[str]:
    """Every word that is one look-alike letter away."""
    return [
        word[:place] + (other if letter.isupper() else other.lower()) + word[place + 1 :]
        for place, letter in enumerate(word)
        for other in LOOK_ALIKES.get(letter.upper(), "")
    ]
