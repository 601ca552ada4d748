"""Who stands beside whom: for each token those left, right, above, below, at the row's start, in the column head."""

from __future__ import annotations

import numpy as np

from extractor.fields.layout import Floats, Ints, Layout

LEFT, RIGHT, ABOVE, BELOW, ROW_START = 4, 3, 4, 2, 2
_FAR = 9e9


def beside(layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Tokens to the left [n, 4], to the right [n, 3] and at the start of the row [n, 2]; -1 where there is none."""
    count = len(layout)
    left = np.full((count, LEFT), -1)
    right = np.full((count, RIGHT), -1)
    start = np.full((count, ROW_START), -1)
    for row in layout.rows:
        tokens = np.array(row)
        for step in range(1, min(LEFT + 1, len(tokens))):
            left[tokens[step:], step - 1] = tokens[:-step]
        for step in range(1, min(RIGHT + 1, len(tokens))):
            right[tokens[:-step], step - 1] = tokens[step:]
        for step in range(min(ROW_START, len(tokens))):
            start[tokens[step + 1 :], step] = tokens[step]
    return left, right, start


def over_and_under(layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Nearest overlapping tokens above [n, 4] and below [n, 2]; the nearest word above at any distance [n, 1]."""
    count = len(layout)
    above = np.full((count, ABOVE), -1)
    below = np.full((count, BELOW), -1)
    head = np.full((count, 1), -1)
    wordy = np.array([sum(c.isalpha() for c in t) >= 2 for t in layout.text], bool)
    for page in np.unique(layout.page):
        tokens = np.flatnonzero(layout.page == page)
        box = layout.box[tokens]
        x0, x1, low, high = box[:, 0], box[:, 2], box[:, 0] - 0.02, box[:, 2] + 0.005
        overlap = (high[:, None] > x0) & (x1 > low[:, None]) & (high > low)[:, None] & (x1 > x0)
        middle = (box[:, 1] + box[:, 3]) / 2
        down = middle[:, None] - middle[None]  # positive: the other token stands higher
        shift = 0.3 * np.abs(box[:, 0, None] - box[None, :, 0])
        upper = overlap & (down > 0.4 * layout.height)
        lower = overlap & (down < -0.4 * layout.height)
        above[tokens] = _nearest(tokens, np.where(upper, down + shift, _FAR), ABOVE, 0.15)
        below[tokens] = _nearest(tokens, np.where(lower, shift - down, _FAR), BELOW, 0.1)
        head[tokens] = _first(tokens, np.where(upper & wordy[tokens][None], down, _FAR))
    return above, below, head


def stretches(layout: Layout, first: Ints, last: Ints, above: Ints, below: Ints) -> Ints:
    """[n, 4] token ranges beside candidates from token `first` to `last`: what precedes them and what follows.

    That is the rest of their own segment, else the segment over (under) them, else the one before (after) on the page.
    """
    count = int(layout.segment[-1]) + 1
    opens = np.searchsorted(layout.segment, np.arange(count + 1))  # where each segment begins
    mine, other = layout.segment[first], layout.segment[last]
    before = np.where(above >= 0, layout.segment[above], mine - 1)
    after = np.where(below >= 0, layout.segment[below], other + 1)
    found = np.zeros((len(first), 4), np.int64)
    for column, own, edge, near in ((0, mine, first, before), (2, other, last, after)):
        safe = np.clip(near, 0, count - 1)
        exists = (near >= 0) & (near < count) & (near != own) & (layout.page[opens[safe]] == layout.page[edge])
        found[:, column] = np.where(exists, opens[safe], 0)
        found[:, column + 1] = np.where(exists, opens[safe + 1], 0)
    begun, unfinished = first > opens[mine], last + 1 < opens[other + 1]
    found[begun, 0], found[begun, 1] = opens[mine][begun], first[begun]
    found[unfinished, 2], found[unfinished, 3] = last[unfinished] + 1, opens[other + 1][unfinished]
    return found


def _nearest(tokens: Ints, distance: Floats, count: int, limit: float) -> Ints:
    """The `count` nearest of `tokens` for each row of `distance`, nearest first; -1 beyond `limit`."""
    found = np.full((len(tokens), count), -1)
    row, column = np.nonzero(distance < limit)  # few of many, so that only those are put in order
    order = np.lexsort((distance[row, column], row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(tokens)))[row]
    kept = place < count
    found[row[kept], place[kept]] = tokens[column[kept]]
    return found


def _first(tokens: Ints, distance: Floats) -> Ints:
    """The nearest of `tokens` for each row of `distance`; -1 where there is none."""
    nearest = np.argpartition(distance, 0, axis=1)[:, 0]  # of several on one row not the first, as models were taught
    near = distance[np.arange(len(tokens)), nearest] < _FAR / 2
    return np.where(near, tokens[nearest], -1)[:, None]
