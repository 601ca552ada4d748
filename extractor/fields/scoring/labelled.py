"""Which label speaks for each token: beside it on its row, over it in its column, or as the heading of its block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractor.fields.layout import Floats, Ints, Layout

FAR = 9.0  # distance where there is no label
BESIDE_TOKENS = 8  # a label further back on the row speaks for what stands between
DEEP = 0.35  # of the width of the text: from a heading to the last line of its block
COLUMN = 0.3  # of the same: a block begins so far to the right of its heading at most


@dataclass(frozen=True, eq=False)
class Labelled:
    """For each token the last token of the label that speaks for it, -1 where none does, and how far away it is."""

    tokens: Ints  # [n, 3]: beside, over, heading
    distance: Floats  # [n, 3]: tokens to the left; widths of the text upwards, twice


def labelled(layout: Layout) -> Labelled:
    """All of it, by the labels that `Anchors.mark` found."""
    count = len(layout)
    tokens, distance = np.full((count, 3), -1), np.full((count, 3), FAR, np.float32)
    marked = np.array([bool(name) for name in layout.anchors], bool)
    if marked.any():
        _beside(layout, marked, tokens, distance)
        headings = _headings(layout, marked)
        for page in np.unique(layout.page):
            mine = np.flatnonzero(layout.page == page)
            _over(layout, mine, mine[marked[mine]], tokens, distance)
            _under_heading(layout, mine, mine[headings[mine]], tokens, distance)
    return Labelled(tokens, distance)


def _beside(layout: Layout, marked: np.ndarray[tuple[int], np.dtype[np.bool_]], tokens: Ints, distance: Floats) -> None:
    for row in layout.rows:
        last = -1
        for position, token in enumerate(row):
            if last >= 0 and position - last <= BESIDE_TOKENS:
                tokens[token, 0], distance[token, 0] = row[last], position - last
            if marked[token]:
                last = position


def _headings(
    layout: Layout, marked: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Last tokens of labels that fill their segment, with nothing near on their right."""
    found = np.zeros(len(layout), bool)
    for number, segment in enumerate(layout.segments):
        if not marked[segment].all():
            continue
        following = layout.segments[number + 1][0] if number + 1 < len(layout.segments) else -1
        last = segment[-1]
        beside = following >= 0 and layout.line[following] == layout.line[last]
        found[last] = not beside or bool(layout.box[following, 0] - layout.box[last, 2] > COLUMN / 2)
    return found


def _over(layout: Layout, mine: Ints, labels: Ints, tokens: Ints, distance: Floats) -> None:
    """The nearest label above that overlaps in width."""
    box, named = layout.box[mine], layout.box[labels]
    overlap = (box[:, None, 0] < named[None, :, 2]) & (named[None, :, 0] < box[:, None, 2])
    _take_nearest(layout, mine, labels, overlap, 1, tokens, distance)


def _under_heading(layout: Layout, mine: Ints, headings: Ints, tokens: Ints, distance: Floats) -> None:
    """The nearest heading above that begins at the token's left edge or before it."""
    starts = np.array([layout.box[layout.segments[layout.segment[t]][0], 0] for t in headings], np.float32)
    left = layout.box[mine, 0][:, None] - starts[None]
    _take_nearest(layout, mine, headings, (left > -0.02) & (left < COLUMN), 2, tokens, distance)


def _take_nearest(
    layout: Layout,
    mine: Ints,
    labels: Ints,
    allowed: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    column: int,
    tokens: Ints,
    distance: Floats,
) -> None:
    if not len(labels):
        return
    middle = (layout.box[:, 1] + layout.box[:, 3]) / 2
    down = middle[mine][:, None] - middle[labels][None]
    down = np.where(allowed & (down > 0.4 * layout.height) & (down < DEEP), down, FAR)
    nearest = down.argmin(1)
    near = down[np.arange(len(mine)), nearest]
    tokens[mine, column] = np.where(near < FAR, labels[nearest], -1)
    distance[mine, column] = near
