"""ADWIN: a window over a stream of numbers that drops its oldest part once that differs from the rest.

The window is kept in buckets of 1, 2, 4, ... values, a few of each size, so that n values take O(log n) numbers, which
can be stored and taken up again. Bifet & Gavalda, Learning from time-changing data with adaptive windowing (2007),
with the settings and the bound of the library river, beside which a test holds it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

CLOCK = 32  # values between two looks
EACH = 5  # buckets of one size; one more, and the two oldest become one of the next size
LEAST = 5  # values on either side of a cut
GRACE = 10  # values before the first look


@dataclass
class Window:
    """Buckets by size, the newest sizes first; of one size the oldest first. Each bucket: [sum, sum of squares about
    its mean]."""

    delta: float = 0.002
    buckets: list[list[list[float]]] = field(default_factory=lambda: [[]])
    total: float = 0.0
    variance: float = 0.0  # times the width
    width: int = 0
    seen: int = 0

    @property
    def mean(self) -> float:
        """The mean of what is in the window; 0 while it is empty."""
        return self.total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Count one value; True if the oldest part differed and was dropped."""
        self.width += 1
        if self.width > 1:
            self.variance += (self.width - 1) * (value - self.total / (self.width - 1)) ** 2 / self.width
        self.total += value
        self.buckets[0].append([value, 0.0])
        self._merge()
        self.seen += 1
        if self.seen % CLOCK or self.width <= GRACE:
            return False
        has_changed = False
        while self._differs():
            has_changed = True
            self._drop_oldest()
        return has_changed

    def state(self) -> dict[str, Any]:
        """All that is known, as JSON can hold it."""
        return asdict(self)

    def _merge(self) -> None:
        for size in range(len(self.buckets)):
            row = self.buckets[size]
            if len(row) <= EACH:
                return
            if size + 1 == len(self.buckets):
                self.buckets.append([])
            (one, spread), (other, other_spread) = row[:2]
            width = 2**size
            apart = width * width * (one / width - other / width) ** 2 / (2 * width)
            self.buckets[size + 1].append([one + other, spread + other_spread + apart])
            del row[:2]

    def _drop_oldest(self) -> None:
        width = 2 ** (len(self.buckets) - 1)
        gone, spread = self.buckets[-1].pop(0)
        self.width -= width
        self.total -= gone
        apart = (gone / width - self.total / self.width) ** 2
        self.variance -= spread + width * self.width * apart / (width + self.width)
        if not self.buckets[-1]:
            self.buckets.pop()

    def _differs(self) -> bool:
        """Whether some cut leaves two parts whose means differ by more than chance."""
        before, old = 0, 0.0
        limit = math.log(2 * math.log(self.width) / self.delta)
        spread = self.variance / self.width
        for size in range(len(self.buckets) - 1, -1, -1):
            for total, _ in self.buckets[size][:-1] if size == 0 else self.buckets[size]:
                before, old = before + 2**size, old + total
                after, new = self.width - before, self.total - old
                if min(before, after) < LEAST:
                    continue
                parts = 1 / (before - LEAST + 1) + 1 / (after - LEAST + 1)
                most = math.sqrt(2 * parts * spread * limit) + 2 / 3 * limit * parts
                if abs(old / before - new / after) > most:
                    return True
        return False
