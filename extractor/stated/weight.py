"""How much a statement of the file moves the confidence of what was read from the print: a group of evidence by itself.

Learned from decisions on documents that the model had not seen and that people or manifests labelled from the print:
how often the file says what was read where that is right, and where it is wrong. Bayes' rule then takes the confidence
of the print as the prior chance, P(right | says) = p r / (p r + (1 - p) w), and its mirror where the file says
otherwise. Counts begin with `PRIOR`, which is a guess on the careful side that 20 labelled documents outweigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PRIOR_RIGHT = (18.0, 2.0)  # what was read is right: the file says so, or otherwise
PRIOR_WRONG = (0.4, 19.6)  # it is wrong: the file says the same all the same, or otherwise
LEAST, MOST = 0.01, 0.995  # however much was counted, a file that errs once in a thousand is never ruled out


@dataclass(frozen=True)
class Weight:
    """P(the file says the same | right) and P(the file says the same | wrong)."""

    right: float
    wrong: float

    def agreeing(self, confidence: float) -> float:
        """The chance that a reading is right that the file confirms."""
        return _bayes(confidence, self.right, self.wrong)

    def differing(self, confidence: float) -> float:
        """The chance that a reading is right of which the file says something else."""
        return _bayes(confidence, 1 - self.right, 1 - self.wrong)


def _bayes(prior: float, if_right: float, if_wrong: float) -> float:
    right, wrong = prior * if_right, (1 - prior) * if_wrong
    return right / (right + wrong) if right + wrong else prior


@dataclass(frozen=True)
class Weights:
    """A weight for each source, from counts [right and same, right and other, wrong and same, wrong and other]."""

    counts: Mapping[str, tuple[int, int, int, int]]

    def of(self, source: str) -> Weight:
        same, other, false_same, false_other = self.counts.get(source, (0, 0, 0, 0))
        return Weight(_share(same, other, PRIOR_RIGHT), _share(false_same, false_other, PRIOR_WRONG))

    def to_table(self) -> dict[str, list[int]]:
        return {source: list(counts) for source, counts in sorted(self.counts.items())}

    @classmethod
    def from_table(cls, table: Mapping[str, list[int]]) -> Weights:
        return cls({source: (row[0], row[1], row[2], row[3]) for source, row in table.items()})


def _share(yes: float, no: float, prior: tuple[float, float]) -> float:
    share = (yes + prior[0]) / (yes + no + sum(prior))
    return min(MOST, max(LEAST, share))


def count(judged: Iterable[tuple[str, bool, bool]], before: Weights | None = None) -> Weights:
    """Weights from (source, was the reading right, did the file say the same), added to those of `before`."""
    counts = {source: list(row) for source, row in (before.counts if before else {}).items()}
    for source, right, same in judged:
        row = counts.setdefault(source, [0, 0, 0, 0])
        row[(0 if right else 2) + (0 if same else 1)] += 1
    return Weights({source: (row[0], row[1], row[2], row[3]) for source, row in counts.items()})


UNTAUGHT = Weights({})
