"""A small text model of confirmed text: how likely a character is after those before it, blind to case and figures.

Character n-grams interpolated after Witten and Bell (1991): P(c | h) = (n(h, c) + u(h) P(c | h')) / (n(h) + u(h)) with
n counts, u the number of different characters after h, and h' the context without its first character. All figures are
one sign to it: it knows that a figure stands here, never which. It keeps only n-grams that occur in at least
`GROUPS` groups of documents, so that it repeats nothing that one of them alone said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

ORDER = 6  # characters of an n-gram; order and weights were chosen on folds of receipts
GROUPS = 3  # of documents in which an n-gram must occur to be kept
PIECE = 5  # characters of the pieces by which a text is known
EDGE = "\n"  # before the first and after the last character of a line
UNSEEN = 1 / 60  # of a character in any place, where nothing is known
_FIGURES = str.maketrans("123456789", "000000000")
FIGURES = 10  # that the one sign stands for


class TextModel:
    """Probabilities of characters. `counts`: how often each n-gram occurs in the confirmed text."""

    def __init__(self, counts: Mapping[str, int], order: int = ORDER) -> None:
        self.order = order
        self.counts = dict(counts)
        self._after: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for gram, count in counts.items():
            self._after[gram[:-1]][gram[-1]] = count
        self._totals = {context: (sum(after.values()), len(after)) for context, after in self._after.items()}
        self._memo: dict[tuple[str, str], float] = {}

    def probability(self, context: str, character: str) -> float:
        """Of `character` after `context`; both as `plain` gives them. A figure's is that of any figure, by ten."""
        context = context[1 - self.order :] if self.order > 1 else ""
        key = (context, character)
        found = self._memo.get(key)
        if found is None:
            found = UNSEEN
            for start in range(len(context), -1, -1):
                total = self._totals.get(context[start:])
                if total is None:
                    break
                count, kinds = total
                found = (self._after[context[start:]].get(character, 0) + kinds * found) / (count + kinds)
            found = found / FIGURES if character == "0" else found
            self._memo[key] = found
        return found

    def knows(self, text: str) -> bool:
        """Whether confirmed text had all pieces of `PIECE` characters of `text`, its beginning and end included."""
        signs = plain(text)
        ends = [(EDGE, EDGE), (EDGE, " "), (" ", EDGE), (" ", " ")]
        return any(
            all(framed[k : k + PIECE] in self.counts for k in range(max(1, len(framed) - PIECE + 1)))
            for framed in (before + signs + after for before, after in ends)
        )

    def to_table(self) -> dict[str, Any]:
        """JSON: all that `from_table` needs."""
        return {"order": self.order, "counts": dict(sorted(self.counts.items()))}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> TextModel:
        """Raises KeyError or ValueError for anything that `to_table` did not make."""
        return cls({str(gram): int(count) for gram, count in table["counts"].items()}, int(table["order"]))

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]], order: int = ORDER, groups: int = GROUPS) -> TextModel:
        """The model of confirmed texts, each with the group of its document."""
        of_group: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for group, text in texts:
            of_group[group].update(_grams(text, order))
        counts: Counter[str] = Counter()
        spread: Counter[str] = Counter()
        for grams in of_group.values():
            counts.update(grams)
            spread.update(grams.keys())
        return cls({gram: count for gram, count in counts.items() if spread[gram] >= groups}, order)


def plain(text: str) -> str:
    """`text` as the model sees it: capitals, single blanks, every figure 0."""
    return "".join(map(plain_character, " ".join(text.split())))


def plain_character(character: str) -> str:
    """One character as the model sees it."""
    upper = character.upper().translate(_FIGURES)
    return upper if len(upper) == 1 else character


def _grams(text: str, order: int) -> Iterable[str]:
    padded = EDGE * (order - 1) + plain(text) + EDGE
    for end in range(order, len(padded) + 1):
        for length in range(1, order + 1):
            yield padded[end - length : end]
