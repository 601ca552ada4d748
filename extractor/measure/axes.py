"""The frame that every chart stands in: its size, and where a share of an axis lies in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axes:
    """A picture of so many pixels with a margin; (0, 0) is at the bottom left of the frame, (1, 1) at its top right."""

    width: int
    height: int
    margin: int

    def x(self, share: float) -> float:
        return self.margin + share * (self.width - 2 * self.margin)

    def y(self, share: float) -> float:
        return self.height - self.margin - share * (self.height - 2 * self.margin)
