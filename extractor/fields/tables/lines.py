"""Line items that run over several printed lines: which lines of words belong to which row of figures.

A line carries on an item when all its words stand in the column of descriptions, close to the item or to another line
of it. Between two items the widest gap parts them; where the gaps are alike, the page's habit does: figures stand
beside the first line of an item or beside its last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise

import numpy as np

from extractor.fields.tables.figures import Column, Grid, tall

MOST_LINES = 6  # of one item above or below its figures
INDENT = 2.5  # heights of a line: so far in may a further line begin
OUTDENT = 1.2  # and so far out
CLOSE = 2.4  # heights of a line from the top of one line of an item to the top of the next
WIDER = 1.35  # times the other gaps: a gap that parts two items whatever the habit
EVEN = 1.3  # times the usual distance of lines of an item: a last item is carried on only so near
SPACE = 1.6  # heights of a line: within a text no gap is wider

Lines = tuple[tuple[int, ...], tuple[int, ...]]  # rows that belong to an item above and below its figures


def lines_of_items(grid: Grid, picked: Sequence[int], columns: Sequence[Column], text: int) -> list[Lines]:
    """For each of the rows `picked` on one page, the rows that carry on its description in column `text`."""
    free = _in_column(grid, picked, columns, text)
    above = [_run(grid, n, free, -1) for n in picked]
    below = [_run(grid, n, free, 1) for n in picked]
    between = [_between(a, b, down, up) for a, b, down, up in zip(picked, picked[1:], below, above[1:], strict=False)]
    beside_last = _figures_beside_last(grid, picked, between, above[0], below[-1])
    parted = [
        # not one unbroken run: what touches an item belongs to it
        (tuple(down), tuple(up)) if rows is None else _parted(grid, a, rows, b, beside_last)
        for a, b, rows, down, up in zip(picked, picked[1:], between, below, above[1:], strict=False)
    ]
    both = any(upper and lower for upper, lower in parted)  # the figures stand beside a line in the middle
    first = tuple(above[0]) if beside_last or both else ()
    last = tuple(below[-1]) if both or not beside_last else ()
    lines = zip([first, *(lower for _, lower in parted)], [*(upper for upper, _ in parted), last], strict=True)
    return _even(grid, picked, list(lines))


def whole_column(grid: Grid, columns: Sequence[Column], roles: Mapping[str, int], text: str) -> list[Column]:
    """The columns with the text's column taking in the neighbours that a space parts from it in each row.

    Fonts with wide spaces part a description where a gap runs through all rows of a short table. Figures and dates
    before it are columns of their own, however near.
    """
    taken = set(roles.values())
    first = last = roles[text]
    while first > 0 and first - 1 not in taken and _is_spaced(grid, columns[first - 1], columns[first]):
        if not _has_letters(grid, columns[first - 1]):
            break
        first -= 1
    while last + 1 < len(columns) and last + 1 not in taken and _is_spaced(grid, columns[last], columns[last + 1]):
        last += 1
    while last > roles[text] and not _has_letters(grid, columns[last]):  # 25 m is part of a text, 25 is not
        last -= 1
    cells = zip(*(column.cells for column in columns[first : last + 1]), strict=True)
    whole = Column(columns[first].left, columns[last].right, tuple(tuple(chain.from_iterable(row)) for row in cells))
    return [whole if k == roles[text] else column for k, column in enumerate(columns)]


def _is_spaced(grid: Grid, left: Column, right: Column) -> bool:
    """Whether no more than a space parts two columns in any row that has both."""
    box = grid.layout.box
    pairs = [(a, b) for a, b in zip(left.cells, right.cells, strict=True) if a and b]
    gaps = [float(box[b[0], 0] - box[a[-1], 2]) for a, b in pairs]
    return bool(gaps) and max(gaps) < SPACE * grid.layout.height


def _has_letters(grid: Grid, column: Column) -> bool:
    cells = [cell for cell in column.cells if cell]
    return 2 * sum(any(grid.layout.letters[t] for t in cell) for cell in cells) > len(cells)


def joined(grid: Grid, lines: Lines, cell: Sequence[int]) -> tuple[int, ...]:
    """The tokens of a description over all of its lines."""
    above, below = ([t for n in rows for t in grid.rows[n].tokens] for rows in lines)
    return (*above, *cell, *below)


def _in_column(grid: Grid, picked: Sequence[int], columns: Sequence[Column], text: int) -> frozenset[int]:
    """The rows of the page whose words all stand in the column, and begin where its cells begin."""
    box, tall = grid.layout.box, grid.layout.height
    left = min((float(box[cell[0], 0]) for cell in columns[text].cells if cell), default=columns[text].left)
    right = min((column.left for column in columns if column.left >= columns[text].right), default=2.0)
    page = grid.rows[picked[0]].page
    found = set()
    for n in range(max(0, picked[0] - MOST_LINES), min(len(grid.rows), picked[-1] + MOST_LINES + 1)):
        row = grid.rows[n]
        start, end = float(box[row.tokens[0], 0]), float(box[list(row.tokens), 2].max())
        fits = left - OUTDENT * tall <= start <= left + INDENT * tall and end <= right
        if n not in picked and row.page == page and fits and not row.amounts:
            found.add(n)
    return frozenset(found)


def _run(grid: Grid, start: int, free: frozenset[int], step: int) -> list[int]:
    """The rows of `free` that follow `start` in one direction without a wide gap, in reading order."""
    found: list[int] = []
    n = start
    while n + step in free and len(found) < MOST_LINES and _gap(grid, n, n + step) <= CLOSE * tall(grid, n + step):
        n += step
        found.append(n)
    return sorted(found)


def _between(upper: int, lower: int, down: Sequence[int], up: Sequence[int]) -> list[int] | None:
    """All rows between two items, if they hang together with both; none between them are an empty run."""
    rows = list(range(upper + 1, lower))
    return rows if list(down) == rows and list(up) == rows else None


def _figures_beside_last(
    grid: Grid,
    picked: Sequence[int],
    between: Sequence[list[int] | None],
    above: Sequence[int],
    below: Sequence[int],
) -> bool:
    """Whether the page's items have their figures beside the last line: as the gaps and both ends of the table say."""
    if bool(above) != bool(below):
        return bool(above)
    sides = [
        _gap(grid, upper, rows[0]) - _gap(grid, rows[-1], lower)
        for upper, lower, rows in zip(picked, picked[1:], between, strict=False)
        if rows
    ]
    return float(np.sum(sides)) > 0


def _parted(grid: Grid, upper: int, rows: Sequence[int], lower: int, beside_last: bool) -> Lines:
    """The rows between two items: those of the upper one, and those of the lower."""
    gaps = [_gap(grid, a, b) for a, b in pairwise([upper, *rows, lower])]
    widest = int(np.argmax(gaps))
    rest = max((g for k, g in enumerate(gaps) if k != widest), default=0.0)
    clear = gaps[widest] >= WIDER * rest
    cut = widest if clear else 0 if beside_last else len(rows)
    return tuple(rows[:cut]), tuple(rows[cut:])


def _even(grid: Grid, picked: Sequence[int], lines: list[Lines]) -> list[Lines]:
    """The lines without those at the ends of the table that stand farther off than the others do."""
    if len(lines) < 2:
        return lines
    inner = [
        _gap(grid, a, b)
        for k, (n, (above, below)) in enumerate(zip(picked, lines, strict=True))
        for run in ((*above, n) if k else (), (n, *below) if k < len(lines) - 1 else ())
        for a, b in pairwise(run)
    ]
    usual = float(np.median(inner)) if inner else np.inf
    first, last = lines[0], lines[-1]
    if any(_gap(grid, a, b) > EVEN * usual for a, b in pairwise((*first[0], picked[0]))):
        lines[0] = ((), first[1])
    if any(_gap(grid, a, b) > EVEN * usual for a, b in pairwise((picked[-1], *last[1]))):
        lines[-1] = (lines[-1][0], ())
    return lines


def _gap(grid: Grid, upper: int, lower: int) -> float:
    """From the baseline of one row to that of the other, without the slope of the page."""
    return abs(grid.baselines[lower] - grid.baselines[upper])
