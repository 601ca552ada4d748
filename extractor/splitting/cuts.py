"""An answer to the question where the documents of a file begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cuts:
    """The best guess of where documents begin: first pages but page 1, ascending; none for one document."""

    starts: tuple[int, ...]
    sure: bool  # whether the machine may act on it
    probabilities: tuple[float, ...] = ()  # of a new document at page 2, 3 ...

    @property
    def is_one(self) -> bool:
        """Whether the file surely is one document."""
        return self.sure and not self.starts

    def parts(self, pages: int) -> list[tuple[int, int]]:
        """First and last page of each document of a file with so many pages."""
        return parts_of(self.starts, pages)


ONE = Cuts((), True)


def parts_of(starts: Sequence[int], pages: int) -> list[tuple[int, int]]:
    """First and last page of each document, where `starts` are the first pages of all but the first."""
    return list(zip([1, *starts], [*(start - 1 for start in starts), pages], strict=True))
