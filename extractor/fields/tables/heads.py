"""Heads of tables: printed rows that name columns, in whatever language, and what each column is called.

A head may run over several lines and need no ruling. Its words count as what they name (`anchors.phrases`), so that a
layout nobody has seen is read by what it says of itself; which of its columns is which, arithmetic decides (`headed`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from extractor.fields.tables.figures import Grid, Row
from extractor.kinds.text import compact
from models.doctype import FieldSpec

NEAR = 2.4  # heights of a line from the top of one line of a head to that of the next
MOST_LINES = 8  # of a head
OTHER = 3  # titles that make a head of another table
WIDE = 0.45  # of the width of the text: so wide is a sentence, no title
SLACK = 0.6  # heights of a line: titles so near in width stand under one another
# What a title says besides the names of the columns themselves: sums stand over amounts, "Amount" may be a quantity.
MEANT: Mapping[str, Mapping[str, float]] = {
    "quantity": {"amount": 1.0},
    "unit_price": {"amount": 1.5, "net": 2.0},
    "amount": {"net": 0.0, "total": 0.1, "base": 1.0},
    "description": {},
}
NUMBERED = ("till", "reference")  # columns of positions and of numbers of goods
ELSEWHERE = frozenset(  # what labels beside a table name, but no line of its head
    {
        "number",
        "issue_date",
        "due_date",
        "date",
        "of_date",
        "delivery_date",
        "customer_number",
        "order",
        "delivery_note",
    }
)
STRANGE = 2.5  # cost of taking a column whose title says nothing known for another
FAR = 9.0  # of one whose title says something else


@dataclass(frozen=True, eq=False)
class Title:
    """One column of a head: its extent, what it may be at which cost, and which of its lines says that."""

    left: float
    right: float
    says: Mapping[str, int]  # name of a label in it -> line within the column, from 0
    is_known: bool  # whether it says anything known at all

    def cost(self, column: str) -> float:
        """How little the title says that its column is `column`; 0 where it says just that."""
        if column in self.says:
            return 0.0
        also = [cost for name, cost in MEANT.get(column, {}).items() if name in self.says]
        return min(also, default=FAR if self.is_known else STRANGE)


@dataclass(frozen=True, eq=False)
class Head:
    """The printed rows of a head and its columns from left to right."""

    page: int
    first: int
    last: int  # rows of the grid
    titles: tuple[Title, ...]
    names: frozenset[str]  # columns that are named; none for the head of another table, such as that of taxes


def find_heads(grid: Grid, field: FieldSpec) -> list[Head]:
    """The heads of a document's tables, in reading order: two columns named, one of them not the text's."""
    names = _names(grid, field)
    found: list[Head] = []
    for n, row in enumerate(grid.rows):
        if found and n <= found[-1].last:
            continue
        if _is_titles(grid, row) and any(names[t] for t in row.tokens):
            head = _head_around(grid, n, names, field)
            if head is not None:
                found.append(head)
    return found


def _names(grid: Grid, field: FieldSpec) -> Sequence[str]:
    """What each token names: by the labels of trade, or by the titles that the type gives its columns."""
    layout = grid.layout
    own = {compact(title): column.name for column in field.columns for title in column.titles}
    named = layout.anchors or ("",) * len(layout)
    return [own.get(layout.compacts[t]) or named[t] for t in range(len(layout))]


def _is_titles(grid: Grid, row: Row) -> bool:
    """Words without amounts, none of them a sentence or the label of something beside it."""
    box, text = grid.layout.box, grid.layout.text
    if row.figures or any(":" in text[t] for t in row.tokens):
        return False
    return all(float(box[c[-1], 2] - box[c[0], 0]) < WIDE for c in row.cells)


def _head_around(grid: Grid, n: int, names: Sequence[str], field: FieldSpec) -> Head | None:
    page = grid.rows[n].page
    rows = [n]
    for step in (-1, 1):
        m = n + step
        while 0 <= m < len(grid.rows) and grid.rows[m].page == page and len(rows) < MOST_LINES:
            follows = _is_titles(grid, grid.rows[m]) and _follows(grid, rows[-1 if step > 0 else 0], m)
            is_other = any(names[t] in ELSEWHERE for t in grid.rows[m].tokens)
            if not follows or is_other or _is_across(grid, grid.rows[m], grid.rows[n]):
                break
            rows = [*rows, m] if step > 0 else [m, *rows]
            m += step
    rows = _trimmed(grid, rows, n)
    while rows[0] != n and not any(names[t] for t in grid.rows[rows[0]].tokens):  # a line above the head
        rows.pop(0)
    titles = _titles(grid, rows, names, {*(c.name for c in field.columns), *NUMBERED})
    known = {c.name for c in field.columns} | {name for c in field.columns for name in MEANT.get(c.name, {})}
    said = [set(title.says) & known for title in titles]
    named = frozenset(c.name for c in field.columns if any(title.cost(c.name) < 1 for title in titles))
    is_head = sum(bool(names_) for names_ in said) >= 2 and len(named) >= 2
    if not is_head and (sum(t.is_known for t in titles) < OTHER or len(grid.rows[n].cells) < OTHER):
        return None
    return Head(page, rows[0], rows[-1], tuple(titles), named if is_head else frozenset())


def _follows(grid: Grid, a: int, b: int) -> bool:
    return abs(grid.baselines[b] - grid.baselines[a]) <= NEAR * grid.layout.height


def _is_across(grid: Grid, row: Row, main: Row) -> bool:
    """Whether a cell stands over two titles of the main line: it belongs to something else."""
    box = grid.layout.box
    spans = [(float(box[c[0], 0]), float(box[c[-1], 2])) for c in main.cells]
    cells = [(float(box[c[0], 0]), float(box[c[-1], 2])) for c in row.cells]
    return any(sum(left < b and a < right for a, b in spans) > 1 for left, right in cells)


def _trimmed(grid: Grid, rows: Sequence[int], main: int) -> list[int]:
    """Without what begins the table itself or precedes it: lines at the ends that stand under none of the titles."""
    box = grid.layout.box
    spans = [(float(box[c[0], 0]), float(box[c[-1], 2])) for c in grid.rows[main].cells]
    kept = list(rows)
    for end in (0, -1):
        while len(kept) > 1 and kept[end] != main and len(grid.rows[kept[end]].cells) == 1:
            cell = grid.rows[kept[end]].cells[0]
            left, right = float(box[cell[0], 0]), float(box[cell[-1], 2])
            if right - left > 0.25 or sum(left < b and a < right for a, b in spans) > 1:
                kept.pop(end)
            else:
                break
    return kept


def _titles(grid: Grid, rows: Sequence[int], names: Sequence[str], apart: Collection[str]) -> list[Title]:
    """Cells of the head that stand over one another are one title."""
    box, slack = grid.layout.box, SLACK * grid.layout.height
    columns: list[list[tuple[int, tuple[int, ...]]]] = []
    parts = ((n, part) for n in rows for cell in grid.rows[n].cells for part in _parted(cell, names, apart))
    cells = sorted(parts, key=lambda part: float(box[part[1][0], 0]))
    reach = -1.0
    for n, cell in cells:
        if columns and float(box[cell[0], 0]) < reach - slack:
            columns[-1].append((n, cell))
        else:
            columns.append([(n, cell)])
            reach = -1.0
        reach = max(reach, float(box[cell[-1], 2]))
    return [_title(grid, column, names) for column in columns]


def _parted(cell: tuple[int, ...], names: Sequence[str], apart: Collection[str]) -> list[tuple[int, ...]]:
    """A cell as one title, or as several where its words name columns with no more than a space between them."""
    parts: list[list[int]] = [[]]
    last = ""
    for token in cell:
        if names[token] in apart:
            if last and names[token] != last:
                parts.append([])
            last = names[token]
        parts[-1].append(token)
    return [tuple(part) for part in parts]


def _title(grid: Grid, column: Sequence[tuple[int, tuple[int, ...]]], names: Sequence[str]) -> Title:
    box = grid.layout.box
    lines = {n: k for k, n in enumerate(sorted({n for n, _ in column}))}
    says: dict[str, int] = {}
    for n, cell in sorted(column):
        for token in cell:
            if names[token]:
                says.setdefault(names[token], lines[n])
    left = min(float(box[cell[0], 0]) for _, cell in column)
    right = max(float(box[cell[-1], 2]) for _, cell in column)
    return Title(left, right, says, bool(says))
