"""Values that a pen wrote or ran over: a small network looks at their lines. Engines misread these with confidence.

Engines are made for print; of a handwritten digit they are as sure as of a printed one. So a network of 29,000 weights
looks at each line of a value that was read from an image, and says how likely a pen wrote it and how likely a stamp or
a stroke lies over it. Above a limit the value gets a confidence of at most a half, so that people see it.

It is trained apart from the bundle (`make pen`), on print of real documents and on dates, amounts and names in fonts of
handwriting, in block letters and in digits that people wrote. Of what it never saw it notices 96 % of other fonts of
handwriting, 99 % of other digits, 95 % of a plotter's script and 75 % of its block letters. On 99 real forms people had
written 20 of 342 values, and it notices 16. Of 298 right and accepted values of real receipts it doubts 3; one of these
was written by hand. What it cannot see is that a value became unreadable and another one was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from models.values import Box

if TYPE_CHECKING:
    from models.nets.pen import PenReader

HEIGHT = 40  # rows of a strip: the line with a margin above and below
WIDEST = 240  # columns of a strip, nine heights of a line; what is beyond is not looked at
MARGIN = 0.27  # of the line's height, above and below
SIDE = 0.15  # of the line's height, left and right
FAINT = 20  # grey levels between paper and ink that show anything
FEWEST = 6  # pixels that a line is high and wide

Image = NDArray[np.uint8]
Strip = NDArray[np.float32]
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Look:
    """What speaks for a pen and for strokes over the value, as logits less their limits: doubtful above 0."""

    pen: float
    over: float


@dataclass(frozen=True)
class Detector:
    """The network with its limits: the logits that few lines of print reach."""

    reader: PenReader
    limits: tuple[float, float]
    version: str

    def look(self, values: Sequence[Sequence[tuple[Image, Box]]]) -> list[Look | None]:
        """One answer a value, given as its lines, each with the picture of its page; None where nothing can be seen."""
        strips: list[Strip] = []
        owners: list[int] = []
        for number, lines in enumerate(values):
            for image, box in lines:
                seen = strip(image, in_pixels(image, box))
                if seen is not None:
                    strips.append(seen)
                    owners.append(number)
        logits = self.reader.logits(strips) - np.array(self.limits, np.float32)
        return [self._of(logits[np.array(owners) == number]) for number in range(len(values))]

    @staticmethod
    def _of(lines: NDArray[np.float32]) -> Look | None:
        """A pen writes all lines of a value; a stamp may lie over one of them."""
        return Look(float(lines[:, 0].mean()), float(lines[:, 1].max())) if len(lines) else None


@cache
def detector() -> Detector:
    """The built-in one."""
    from extractor.pen import PEN
    from models.nets.bundle import Bundle
    from models.nets.pen import PenReader

    bundle = Bundle.load(PEN)
    return Detector(PenReader(bundle.tensors), tuple(bundle.meta["limits"]), bundle.version)


def in_pixels(image: Image, box: Box) -> Corners:
    """Corners of a box on its picture."""
    height, width = image.shape[:2]
    return box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height


def strip(image: Image, line: Corners) -> Strip | None:
    """A line as HEIGHT rows, at most WIDEST columns: 0 is paper, 1 is ink. None where too little is there."""
    x0, y0, x1, y1 = line
    tall = y1 - y0
    height, width = image.shape[:2]
    left, right = max(0, round(x0 - SIDE * tall)), min(width, round(x1 + SIDE * tall))
    top, bottom = max(0, round(y0 - MARGIN * tall)), min(height, round(y1 + MARGIN * tall))
    if tall < FEWEST or right - left < FEWEST or bottom - top < FEWEST:
        return None
    right = min(right, left + round(WIDEST * tall * (1 + 2 * MARGIN) / HEIGHT))
    grey = image[top:bottom, left:right]
    if grey.ndim == 3:
        grey = np.asarray(cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY), np.uint8)
    scale = HEIGHT / (tall * (1 + 2 * MARGIN))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(grey, (min(WIDEST, max(8, round(grey.shape[1] * scale))), HEIGHT), interpolation=way)
    low, high = _levels(np.asarray(small, np.uint8))
    if high - low < FAINT:
        return None
    return np.asarray(np.clip((high - small.astype(np.float32)) / (high - low), 0, 1.2), np.float32)


def _levels(grey: Image) -> tuple[int, int]:
    """The grey of ink and that of paper: 2 % of the pixels are darker, 15 % are lighter."""
    share = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    low, high = np.searchsorted(share, (0.02 * grey.size, 0.85 * grey.size))
    return int(low), int(high)
