"""What one learning may spend: steps, trees and folds, in one place, so that less can be spent on what is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Effort:
    """The numbers were chosen on the train folds of the documents that the built-in bundle learned from."""

    folds: int = 5  # parts of the documents of a type, each read once by what learned from the others
    type_folds: int = 5  # the same for the type of a document
    first_steps: int = 150  # of a type's network
    steps_per_document: int = 4
    fold_share: float = 0.6  # of these in a fold: held-out trainings would else cost five times the training itself
    trees: int = 120  # of a field
    least_strangers: int = 40  # documents of no type, without which there is no judge of papers


_spent = Effort()


def effort() -> Effort:
    """What learning spends now, in this process."""
    return _spent


@contextmanager
def spending(**changes: float) -> Iterator[Effort]:
    """Spend another effort on what is learned inside, in the whole process. Raises TypeError for unknown names."""
    global _spent
    before = _spent
    _spent = replace(before, **changes)  # type: ignore[arg-type]
    try:
        yield _spent
    finally:
        _spent = before
