"""What the scorers of tables see of a row and of a column: numbers about figures and places, and hashed words."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.fields.tables.figures import ALIGNED, Column, Grid, agree, is_product, parse_figure
from extractor.kinds.text import fold

WORDS = 512  # buckets
ROW_NUMBERS, COLUMN_NUMBERS = 15, 12
SUMMED = 60  # so many amounts above are tried as parts of a sum

Array = NDArray[np.float64]


def hashed(grid: Grid, tokens: Sequence[int]) -> Array:
    """The words of `tokens`; those of a label as what it names, if the layout knows."""
    found = np.zeros(WORDS)
    named = grid.layout.anchors or ("",) * len(grid.layout)
    for token in tokens:
        word = named[token] or "".join(c for c in fold(grid.layout.text[token]).lower() if c.isalpha())
        if len(word) > 1:
            found[zlib.crc32(word.encode()) % WORDS] = 1
    return found


def row_numbers(grid: Grid) -> Array:
    """(rows, ROW_NUMBERS): a row by itself, beside its neighbours, and among the amounts of its page."""
    edges = [grid.edge(r, r.amounts[-1][0]) if r.amounts else -1.0 for r in grid.rows]
    own = np.array([_own_numbers(grid, n, edges) for n in range(len(grid.rows))])
    near = np.zeros((len(own), 4))
    for shift, column in ((1, 0), (-1, 2)):
        moved = np.roll(own[:, [0, 3]], shift, axis=0)
        moved[0 if shift == 1 else -1] = 0
        near[:, column : column + 2] = moved
    return np.concatenate([own, near], axis=1)


def _own_numbers(grid: Grid, n: int, edges: Sequence[float]) -> list[float]:
    row = grid.rows[n]
    same = [m for m, r in enumerate(grid.rows) if r.page == row.page and edges[m] >= 0 and edges[n] >= 0]
    beneath = [m for m in same if abs(edges[m] - edges[n]) < ALIGNED]
    above: list[Decimal] = [grid.rows[m].amounts[-1][1] for m in beneath if m < n]
    letters = sum(grid.layout.letters[t] for t in row.tokens)
    value = row.amounts[-1][1] if row.amounts else None
    return [
        float(min(len(row.figures), 6)),
        float(min(len(row.amounts), 4)),
        float(bool(letters >= 2)),
        float(is_product(row)),
        float(bool(row.figures) and row.figures[-1][0] == len(row.cells) - 1),
        float(min(len(row.cells), 8)),
        float(np.log1p(len(beneath))),
        float(value is not None and value in itertools.accumulate(reversed(above[-SUMMED:]))),
        float(n / len(grid.rows)),
        float(np.log1p(letters)),
        _rows_since_head(grid, n),
    ]


def _rows_since_head(grid: Grid, n: int) -> float:
    """Logarithm of the rows since the last one of three cells or more without any figure: the head of a table."""
    for back in range(1, 40):
        m = n - back
        if m < 0 or grid.rows[m].page != grid.rows[n].page:
            break
        if len(grid.rows[m].cells) >= 3 and not grid.rows[m].figures:
            return float(np.log(back))
    return float(np.log(60))


def column_numbers(grid: Grid, columns: Sequence[Column]) -> Array:
    """(columns, COLUMN_NUMBERS): where a column stands, what is in it, and how it multiplies with the others."""
    mark = grid.locale.decimal_mark
    parsed = [[parse_figure(grid.words(cell).replace(" ", ""), mark) for cell in c.cells] for c in columns]
    return np.array([_column(grid, columns, parsed, k) for k in range(len(columns))])


def _column(grid: Grid, columns: Sequence[Column], parsed: Sequence[Sequence[Any]], k: int) -> list[float]:
    column, figures = columns[k], parsed[k]
    filled = [n for n, cell in enumerate(column.cells) if cell]
    letters = [sum(grid.layout.letters[t] for t in column.cells[n]) for n in filled]
    values = [f[0] if f else None for f in figures]
    return [
        column.left,
        column.right,
        k / max(len(columns) - 1, 1),
        float(k == len(columns) - 1),
        float(np.log1p(np.mean(letters))) if letters else 0.0,
        float(np.mean([figures[n] is not None for n in filled])) if filled else 0.0,
        float(np.mean([bool(figures[n] and figures[n][1]) for n in filled])) if filled else 0.0,
        float(
            len(values) > 1 and values == [values[0] + n if values[0] is not None else -1 for n in range(len(values))]
        ),
        _share(parsed, lambda row: any(_agrees(row, i, j, k) for i, j in _pairs(len(row), k))),
        _share(parsed, lambda row: any(_agrees(row, k, j, m) for j, m in _ordered(len(row), k) if k < j)),
        _share(parsed, lambda row: any(_agrees(row, i, k, m) for i, m in _ordered(len(row), k) if i < k)),
        column.right - column.left,
    ]


def _share(parsed: Sequence[Sequence[Any]], holds: Callable[[tuple[Any, ...]], bool]) -> float:
    rows = list(zip(*parsed, strict=True))
    return float(np.mean([holds(row) for row in rows])) if rows else 0.0


def _pairs(count: int, without: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1, count) if without not in (i, j)]


def _ordered(count: int, without: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(count) if i != j and without not in (i, j)]


def _agrees(row: Sequence[Any], i: int, j: int, k: int) -> bool:
    a, b, c = row[i], row[j], row[k]
    return bool(a and b and c) and agree(a[0], b[0], c[0])
