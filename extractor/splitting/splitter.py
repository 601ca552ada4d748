"""Where the documents of a file begin, and how sure that is: boosted trees over the gaps between its pages.

It is trained apart from the bundle (`make splitter`), on stacks of real documents and of generated ones of all kinds.
A gap's probability is calibrated on documents that the trees did not see. An answer with cuts is sure where every gap
of the file is far enough from one half, that it is one document where none is likely; what is not sure goes to people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from extractor.fields.scoring.forest import Forest
from extractor.splitting.cuts import ONE, Cuts
from extractor.splitting.gaps import Ends, gaps
from extractor.splitting.looks import Floats, look
from models.nets.bundle import Bundle
from models.values import Page

SEVERAL = "several_documents"
# A file is one document without people where no page is more probable than this to begin another. Half of the files
# that the trees learned from hold several, of those that are sent few in a hundred: there it means one in two hundred.
ONE_BELOW = 0.1


@dataclass(frozen=True)
class Splitter:
    """Trees with the slope and intercept of their calibration, and what makes an answer sure."""

    forest: Forest
    ends: Ends
    slope: float
    intercept: float
    cut_above: float  # a file is cut without people where each cut is as probable as this
    keep_below: float  # and each page that goes on at most as probable to begin a document

    def cuts(self, pages: Sequence[Page]) -> Cuts:
        """Where documents begin among the pages of one file."""
        if len(pages) < 2:
            return ONE
        looks = [look(page) for page in pages]
        found = self.probabilities(gaps(looks, self.ends))
        for k in range(1, len(looks)):
            if all(before.is_blank for before in looks[:k]):
                found[k - 1] = 0.0  # an empty page before the first one is no document
        return self.decide(found)

    def probabilities(self, numbers: Floats) -> Floats:
        """[n] chances that a new document begins, of `numbers` [n, features]."""
        logits = self.slope * self.forest.score(numbers) + self.intercept
        found: Floats = 1 / (1 + np.exp(-logits))
        return found

    def decide(self, found: Floats) -> Cuts:
        """The answer for the gaps of one file."""
        starts = tuple(int(k) + 2 for k in np.flatnonzero(found >= 0.5))
        if starts:
            sure = bool(((found >= self.cut_above) | (found <= self.keep_below)).all())
        else:
            sure = bool(found.max() <= ONE_BELOW)
        return Cuts(starts, sure, tuple(round(float(p), 4) for p in found))


def bundled(splitter: Splitter, facts: dict[str, object]) -> Bundle:
    """The splitter as a small bundle of its own."""
    numbers = [splitter.slope, splitter.intercept, splitter.cut_above, splitter.keep_below]
    ends = {"first": splitter.ends.first.astype(np.float16), "last": splitter.ends.last.astype(np.float16)}
    return Bundle(facts | {"numbers": [round(float(n), 4) for n in numbers]}, splitter.forest.to_arrays() | ends)


@cache
def built_in() -> Splitter:
    """The one that ships."""
    from extractor.splitting.weights import SPLITTER

    bundle = Bundle.load(SPLITTER)
    ends = Ends(*(bundle.tensors[name].astype(np.float32) for name in ("first", "last")))
    return Splitter(Forest.from_arrays(bundle.tensors), ends, *bundle.meta["numbers"])
