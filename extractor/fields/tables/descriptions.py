"""Descriptions in tables with heads: their column, and which lines of an item they are made of."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from extractor.fields.tables.figures import Grid, Row
from extractor.fields.tables.roles import Body, Roles, Tokens
from extractor.kinds import date
from models.doctype import FieldSpec, Kind

LEADING = 2.3  # heights of a line: a wider gap ends a description
RUN_ON = 1.8  # times the usual space: a line that runs on beyond its column
BULLETS = "•·●▪*–->"
_LABEL = re.compile(r"(?:^|[^)]):$|(?i:(?:nr|no)\.:?$|n°|№)")
OTHERS = frozenset(  # labels of further lines that name something else than what is billed
    {"reference", "order", "delivery_note", "delivery_date", "discount", "unit_price", "quantity", "description"}
)


@dataclass(frozen=True, eq=False)
class Text:
    """The column of descriptions: its extent, and in which line of an item its text begins."""

    column: str
    left: float
    right: float
    line: int

    def lines_in(self, grid: Grid, block: tuple[int, int], taken: Collection[int]) -> Tokens:
        """The description of an item: its first line in the column and those that carry it on, without `taken`."""
        inside = [(n, self._inside(grid, grid.rows[n], taken)) for n in range(block[0], block[1] + 1)]
        filled = [(n, tokens) for n, tokens in inside if tokens]
        lines = [(n, tokens) for n, tokens in filled if n >= block[0] + self.line] or filled
        found: list[int] = []
        for k, (n, tokens) in enumerate(lines):
            if k and not is_next_line(grid, lines[k - 1][0], n):
                break
            if k and _begins_another(grid, tokens) and not _begins_another(grid, lines[0][1]):
                break
            own = _before_label(grid, tokens) if k == 0 else tokens
            found += own
            if len(own) < len(tokens):
                break
        return tuple(found)

    def _inside(self, grid: Grid, row: Row, taken: Collection[int]) -> Tokens:
        """The words of a row within the column; a line that runs on beyond it without a wide gap goes on."""
        box, slack = grid.layout.box, 0.4 * grid.layout.height
        found: list[int] = []
        for t in row.tokens:
            is_within = box[t, 0] >= self.left - slack and box[t, 2] <= self.right + slack
            runs_on = bool(found) and box[t, 0] - box[found[-1], 2] <= RUN_ON * _space(grid)
            if t not in taken and (is_within or (runs_on and found[-1] == row.tokens[row.tokens.index(t) - 1])):
                found.append(t)
        return tuple(found)


def _space(grid: Grid) -> float:
    """The usual space between two words."""
    spaces = [s for s in grid.layout.spaces if s > 0]
    return float(np.median(spaces)) * grid.layout.height if spaces else grid.layout.height


def is_next_line(grid: Grid, a: int, b: int) -> bool:
    return grid.baselines[b] - grid.baselines[a] <= LEADING * grid.layout.height


def _before_label(grid: Grid, tokens: Tokens) -> Tokens:
    """A description up to a dash and a label behind it, which names something else."""
    layout = grid.layout
    named = layout.anchors or ("",) * len(layout)
    for k in range(1, len(tokens) - 1):
        if not layout.compacts[tokens[k]] and len(layout.text[tokens[k]]) == 1 and named[tokens[k + 1]]:
            return tokens[:k]
    return tokens


def _begins_another(grid: Grid, tokens: Tokens) -> bool:
    """Whether a line says something else of the item: a label, a bullet, a period."""
    layout = grid.layout
    named = layout.anchors or ("",) * len(layout)
    words = [layout.text[t] for t in tokens]
    if named[tokens[0]] in OTHERS or words[0][0] in BULLETS or any(_LABEL.search(word) for word in words[:3]):
        return True
    return bool(date.find(" ".join(words), grid.locale))


def find_text(grid: Grid, body: Body, field: FieldSpec, roles: Roles, seeds: Sequence[int]) -> Text | None:
    """The column that is called description, or else the titled one with most letters beside the amounts."""
    names = [c.name for c in field.columns if c.kind is not Kind.MONEY]
    titles = body.head.titles
    taken = set(roles.columns.values())
    free = [k for k in range(len(titles)) if k not in taken]
    if not names or not free or not seeds:
        return None
    edges = [_edges(grid, body, k, seeds) for k in range(len(titles))]
    letters = [_letters(grid, seeds, *edges[k]) for k in range(len(titles))]
    best = min(free, key=lambda k: (round(titles[k].cost(names[0])), -letters[k]))
    line = next((at for name, at in titles[best].says.items() if name == names[0]), 0)
    return Text(names[0], *edges[best], line)


def _edges(grid: Grid, body: Body, k: int, seeds: Sequence[int]) -> tuple[float, float]:
    """From where the column of a title begins to where the next one does, by what stands under the titles."""
    titles, box = body.head.titles, grid.layout.box
    left = titles[k].left
    before = titles[k - 1].right if k else -1.0
    starts = [float(box[c[0], 0]) for n in seeds for c in grid.rows[n].cells if before < box[c[0], 0] < titles[k].right]
    if starts and not any(abs(start - left) < grid.layout.height for start in starts):
        left = min(left, min(starts))
    right = 2.0
    if k + 1 < len(titles):
        under = [float(box[f.tokens[0], 0]) for f in body.under[k + 1].values() if f.row in seeds]
        right = min([titles[k + 1].left, *(edge for edge in under if edge > titles[k].left)])
    return left, right


def _letters(grid: Grid, seeds: Sequence[int], left: float, right: float) -> int:
    box, layout = grid.layout.box, grid.layout
    return sum(
        layout.letters[t] for n in seeds for t in grid.rows[n].tokens if left - 0.01 <= box[t, 0] and box[t, 2] <= right
    )
