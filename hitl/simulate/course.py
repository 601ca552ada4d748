"""The order of a zero-label sequence: which documents come when, in which fold, and when a model is trained on which.

Seeds share courses: within one course the documents between two trainings come in another order for each seed, so that
the training sets, and with them the models, are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

import numpy as np

from hitl.intake.groups import fold_of
from hitl.simulate.rows import SimDocument
from models.states import Fold


@dataclass(frozen=True)
class Course:
    """One division of the documents into the parts before, between and after the trainings."""

    number: int
    parts: tuple[tuple[SimDocument, ...], ...]

    def order(self, rng: np.random.Generator) -> list[SimDocument]:
        """All documents in one order of this course."""
        return [part[i] for part in self.parts for i in rng.permutation(len(part))]

    def fold(self, document: SimDocument) -> str:
        return fold_of(f"simulation {self.number}", PurePath(document.group).name)

    def of_fold(self, fold: Fold, before: int) -> frozenset[str]:
        """The documents of a fold that came before the training number `before`, from 0."""
        seen = [document for part in self.parts[: before + 1] for document in part]
        return frozenset(document.name for document in seen if self.fold(document) == fold.value)


def course(documents: Sequence[SimDocument], trainings: Sequence[int], number: int) -> Course:
    """Course `number`: a random division, trainings after so many documents."""
    order = np.random.default_rng([20150, 7, number]).permutation(len(documents))
    cuts = [0, *[cut for cut in sorted(trainings) if cut < len(documents)], len(documents)]
    parts = [tuple(documents[i] for i in order[a:b]) for a, b in pairwise(cuts)]
    return Course(number, tuple(parts))
