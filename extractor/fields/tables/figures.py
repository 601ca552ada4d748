"""Tables of line items as they lie on the page: figures, rows that bill something, and columns between white gaps.

A row is a printed row; which rows bill something is learned (`tablemodel`). Columns are what remains when the words of
those rows are projected on the width of the page and parted at the gaps, so no ruling and no header is needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from extractor.fields.layout import Floats, Layout
from extractor.kinds import Locale
from extractor.kinds.numbers import alike, meanings
from models.values import Box

ALIGNED = 0.012  # of the width of the text: right edges so near stand under one another
LONG = 0.12  # of the width of the text: so wide must a row be to show how the page slopes
BESIDE = 0.3  # of the height of the lower row
GAP = 0.75  # of the height of a word: wider gaps part cells
DESCENT = 0.2  # of the height of a word: so far letters reach below the line
_BELOW = frozenset("gjpqyçQ,;()[]{}|/_ŋµ")
PRODUCT_ERROR = Decimal("0.02")
_SIGN = r"(?:[$€£¥]|US\$|RM|EUR|USD|GBP|CHF)"
_FIGURE = re.compile(
    rf"^(?P<open>\()?(?P<before>-)?{_SIGN}?(?P<inner>-)?(?P<n>\d[\d.,']*\d|\d)(?P<behind>-)?(?:{_SIGN}|%)?(?(open)\))"
    r"(?P<side>CR|DR)?$"
)


@dataclass(frozen=True, eq=False)
class Row:
    """One printed row: its tokens from left to right, its cells, and the figures among them."""

    tokens: tuple[int, ...]
    cells: tuple[tuple[int, ...], ...]  # tokens without a wide gap between them
    figures: tuple[tuple[int, Decimal, bool], ...]  # position of the cell, value, written with two decimals
    page: int

    @property
    def amounts(self) -> tuple[tuple[int, Decimal, bool], ...]:
        return tuple(figure for figure in self.figures if figure[2])


@dataclass(frozen=True, eq=False)
class Grid:
    """The rows of a document with the layout they come from."""

    layout: Layout
    locale: Locale
    rows: tuple[Row, ...]

    def edge(self, row: Row, cell: int) -> float:
        """Right edge of a cell, in widths of the text."""
        return float(self.layout.box[row.cells[cell][-1], 2])

    def words(self, tokens: Sequence[int]) -> str:
        """The words of `tokens` as they were read."""
        layout = self.layout
        places = dict.fromkeys((int(layout.page[t]), int(layout.word[t])) for t in tokens)
        return " ".join(layout.pages[page].words[word].text for page, word in places)

    def box(self, tokens: Sequence[int]) -> Box:
        layout = self.layout
        return Box.union(layout.pages[int(layout.page[t])].words[int(layout.word[t])].box for t in tokens)

    @cached_property
    def level(self) -> Floats:
        """(tokens, 2): top and bottom without the slope of the page."""
        return _levelled(self.layout)

    @cached_property
    def baselines(self) -> list[float]:
        """The foot of each row: of its words without a letter below the line, as tight boxes differ in such letters."""
        found = []
        for n, row in enumerate(self.rows):
            level = [t for t in row.tokens if not _BELOW & set(self.layout.text[t])]
            foot = float(np.median(self.level[level or list(row.tokens), 1]))
            found.append(foot if level else foot - DESCENT * tall(self, n))
        return found

    @cached_property
    def figures(self) -> frozenset[Decimal]:
        """Every figure of the document."""
        return frozenset(value for row in self.rows for _, value, _ in row.figures)


def tall(grid: Grid, n: int) -> float:
    """The height of a row's words."""
    box = grid.layout.box[list(grid.rows[n].tokens)]
    return max(float(np.median(box[:, 3] - box[:, 1])), 0.9 * grid.layout.height)


def make_grid(layout: Layout, locale: Locale) -> Grid:
    """The rows of a document; what the reading order took for two rows at one height is one row again."""
    rows = []
    for tokens in _side_by_side(layout):
        ordered = sorted(tokens, key=lambda t: float(layout.box[t, 0]))
        cells = [part for cell in _cells(layout, ordered) for part in _parted(layout, cell, locale)]
        found = [(n, parsed) for n, cell in enumerate(cells) if (parsed := _parse(layout, cell, locale))]
        figures = tuple((n, value, exact) for n, (value, exact) in found)
        rows.append(Row(tuple(ordered), tuple(cells), figures, int(layout.page[ordered[0]])))
    return Grid(layout, locale, tuple(rows))


def _side_by_side(layout: Layout) -> list[list[int]]:
    rows: list[list[int]] = []
    level = _levelled(layout)
    for tokens in layout.rows:
        if rows and _is_beside(layout, level, rows[-1], tokens):
            rows[-1].extend(tokens)
        else:
            rows.append(list(tokens))
    return rows


def _levelled(layout: Layout) -> Floats:
    """(tokens, 2): top and bottom without the slope of the page, which its wide rows show."""
    slopes: dict[int, list[float]] = {}
    for tokens in layout.rows:
        first, last = layout.box[tokens[0]], layout.box[tokens[-1]]
        if last[0] - first[0] > LONG:
            slopes.setdefault(int(layout.page[tokens[0]]), []).append(
                float((last[3] - first[3]) / (last[0] - first[0]))
            )
    slope = np.array([np.median(slopes.get(int(page), [0.0])) for page in layout.page], np.float32)
    result: Floats = layout.box[:, 1::2] - (slope * layout.box[:, 0])[:, None]
    return result


def _is_beside(layout: Layout, level: Floats, upper: Sequence[int], lower: Sequence[int]) -> bool:
    """At one height, and nowhere over one another."""
    if layout.page[upper[0]] != layout.page[lower[0]]:
        return False
    (top, bottom), (below_top, below_bottom) = (np.median(level[list(t)], axis=0) for t in (upper, lower))
    if min(bottom, below_bottom) - max(top, below_top) < BESIDE * min(bottom - top, below_bottom - below_top):
        return False
    a, b = layout.box[list(upper)], layout.box[list(lower)]
    return not ((a[:, None, 0] < b[None, :, 2]) & (b[None, :, 0] < a[:, None, 2])).any()


def _parted(layout: Layout, cell: tuple[int, ...], locale: Locale) -> list[tuple[int, ...]]:
    """A number before a text, and amounts within one, are cells of their own although the gap is narrow."""
    if len(cell) == 1 or _parse(layout, cell, locale):
        return [cell]
    parts: list[tuple[int, ...]] = []
    parted: set[tuple[int, ...]] = set()
    for n, token in enumerate(cell):
        found = _parse(layout, (token,), locale)
        alone = bool(found) and (n == 0 or bool(found and found[1]))
        if not parts or alone or parts[-1] in parted:
            parts.append((token,))
        else:
            parts[-1] = (*parts[-1], token)
        if alone:
            parted.add(parts[-1])
    return parts


def _cells(layout: Layout, tokens: Sequence[int]) -> list[tuple[int, ...]]:
    cells: list[list[int]] = []
    for token in tokens:
        height = float(layout.box[token, 3] - layout.box[token, 1])
        if cells and float(layout.box[token, 0] - layout.box[cells[-1][-1], 2]) <= GAP * height:
            cells[-1].append(token)
        else:
            cells.append([token])
    return [tuple(cell) for cell in cells]


def _parse(layout: Layout, cell: Sequence[int], locale: Locale) -> tuple[Decimal, bool] | None:
    """The number that a cell consists of; a currency sign may stand before or behind it."""
    return parse_figure("".join(layout.text[t] for t in cell), locale.decimal_mark)


def parse_figure(text: str, mark: str) -> tuple[Decimal, bool] | None:
    """(value with its sign, whether two decimals are written), or None for what is not one number."""
    match = _FIGURE.match(alike(text))
    if not match:
        return None
    found = meanings(match["n"])
    if not found:
        return None
    parts = found[0] if found[0].mark in ("", mark) else found[-1]
    is_negative = any(match[part] for part in ("open", "before", "inner", "behind")) or match["side"] == "CR"
    value = Decimal(f"{parts.whole}.{parts.decimals or 0}") * (-1 if is_negative else 1)
    return value, len(parts.decimals) == 2 and not text.endswith("%")


def is_product(row: Row) -> bool:
    """Whether two figures of the row multiply to a third behind them."""
    values = [value for _, value, _ in row.figures]
    return any(
        agree(values[i], values[j], values[k]) for k in range(2, len(values)) for i in range(k) for j in range(i + 1, k)
    )


def agree(quantity: Decimal, price: Decimal, amount: Decimal) -> bool:
    return amount != 0 and abs(quantity * price - amount) <= PRODUCT_ERROR


# --- columns of the rows that bill something ---


@dataclass(frozen=True, eq=False)
class Column:
    """A stretch of the page's width, and the tokens of each row in it."""

    left: float
    right: float
    cells: tuple[tuple[int, ...], ...]  # one a row, empty where the row has nothing


def find_columns(grid: Grid, rows: Sequence[Row]) -> list[Column]:
    """Columns between the gaps that run through all of `rows`, from left to right."""
    box = grid.layout.box
    stretches = sorted((float(box[c[0], 0]), float(box[c[-1], 2])) for row in rows for c in row.cells)
    joined: list[list[float]] = []
    for left, right in stretches:
        if joined and left <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], right)
        else:
            joined.append([left, right])
    return [Column(left, right, tuple(_inside(grid, row, left, right) for row in rows)) for left, right in joined]


def _inside(grid: Grid, row: Row, left: float, right: float) -> tuple[int, ...]:
    box = grid.layout.box
    return tuple(t for t in row.tokens if left - 1e-6 <= (box[t, 0] + box[t, 2]) / 2 <= right + 1e-6)


def titles(grid: Grid, first: int, columns: Sequence[Column], rows: int = 3) -> list[list[int]]:
    """The tokens that stand over each column in the rows above row `first`: the nearest row that has no amounts."""
    above = [r for r in grid.rows[max(first - rows, 0) : first] if r.page == grid.rows[first].page and not r.amounts]
    found: list[list[int]] = [[] for _ in columns]
    if not above:
        return found
    head = max(above, key=lambda row: len(row.cells))
    middle: Floats = np.array([[c.left, c.right] for c in columns], np.float32)
    for token in head.tokens:
        left, right = grid.layout.box[token, 0], grid.layout.box[token, 2]
        overlap = np.minimum(middle[:, 1], right) - np.maximum(middle[:, 0], left)
        found[int(overlap.argmax())].append(token)
    return found
