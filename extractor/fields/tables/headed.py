"""Tables read by their heads: rows by the figures under the titles, descriptions by their column.

No scorer has to have seen the layout. A row bills something where a figure stands under the title of the amounts beside
one under quantity or unit price (`roles`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from extractor.fields.tables.descriptions import find_text, is_next_line
from extractor.fields.tables.figures import Grid
from extractor.fields.tables.roles import (
    Body,
    Roles,
    Tokens,
    bodies,
    choose_roles,
    is_sum,
    multiplied,
    near_figures,
    owner_of,
    seeds_of,
)
from models.doctype import FieldSpec

WIDER = 1.35  # times the other gaps: a gap that parts two items
BESIDE = 0.8  # heights of a line: so far above its amount does an item begin that no gap parts
CLOSE = 5.0  # heights of a line: a wider gap ends the last item


@dataclass(frozen=True, eq=False)
class Line:
    """One item of a table as it was found: its amount's row, and its cells by column."""

    row: int
    cells: Mapping[str, Tokens]
    holds: bool  # whether its figures multiply


def headed_lines(grid: Grid, field: FieldSpec) -> list[Line]:
    """The items of a document below all of its heads, in reading order."""
    return [line for body in bodies(grid, field) for line in lines_under(grid, body, field)]


def lines_under(grid: Grid, body: Body, field: FieldSpec) -> list[Line]:
    """The items below a head, from top to bottom; none where no column of amounts is found."""
    roles = choose_roles(grid, body, field)
    if roles is None:
        return []
    seeds = seeds_of(grid, body, roles.columns)
    text = find_text(grid, body, field, roles, seeds)
    found = []
    for n, block in zip(seeds, _blocks(grid, body, roles, seeds), strict=True):
        cells, holds = _figures_of(grid, body, roles.columns, n, block)
        if text is not None:
            cells[text.column] = text.lines_in(grid, block, {t for cell in cells.values() for t in cell})
        found.append(Line(n, cells, holds))
    return found


def _figures_of(
    grid: Grid, body: Body, chosen: Mapping[str, int], n: int, block: tuple[int, int]
) -> tuple[dict[str, Tokens], bool]:
    """The figures of the item around row `n`: those that multiply, else the nearest ones."""
    near = {name: near_figures(grid, body.under[k], n, block) for name, k in chosen.items() if name != "amount"}
    cells = {name: found[0].tokens for name, found in near.items() if found}
    cells["amount"] = body.under[chosen["amount"]][n].tokens
    both = multiplied(grid, body, chosen, n, block) if {"quantity", "unit_price"} <= set(chosen) else None
    if both is not None:
        cells |= {"quantity": both[0].tokens, "unit_price": both[1].tokens}
    return cells, both is not None


def _blocks(grid: Grid, body: Body, roles: Roles, seeds: Sequence[int]) -> list[tuple[int, int]]:
    """First and last row of each item: figures stand beside the first line, or the widest gap parts two."""
    if not seeds:
        return []
    starts = [_parting(grid, a, b) for a, b in itertools.pairwise(seeds)]
    is_above = 2 * sum(not _is_beside(grid, n, seed) for n, seed in zip(starts, seeds[1:], strict=True)) > len(starts)
    if is_above:
        starts = [_upwards(grid, body.rows[0], seeds[0]), *starts]
    else:
        firsts = [_first_figure(grid, body, roles, seeds, seed) for seed in seeds]
        starts = [_first_beside(grid, a, b) for a, b in zip([body.rows[0] - 1, *seeds], firsts, strict=False)]
    ends = [*(start - 1 for start in starts[1:]), _last(grid, body, roles, seeds[-1])]
    return list(zip(starts, ends, strict=True))


def _first_figure(grid: Grid, body: Body, roles: Roles, seeds: Sequence[int], seed: int) -> int:
    """The highest row with a figure of the item of `seed`."""
    others = [body.under[k] for name, k in roles.columns.items() if name != "amount"]
    return min([seed, *(m for column in others for m in column if owner_of(grid, seeds, m) == seed)])


def _is_beside(grid: Grid, n: int, seed: int) -> bool:
    return grid.baselines[seed] - grid.baselines[n] < BESIDE * grid.layout.height


def _first_beside(grid: Grid, before: int, seed: int) -> int:
    """The first row after `before` at the height of the row `seed`."""
    page = grid.rows[seed].page
    rows = range(before + 1, seed + 1)
    return next(n for n in rows if n == seed or (grid.rows[n].page == page and _is_beside(grid, n, seed)))


def _upwards(grid: Grid, first: int, seed: int) -> int:
    """The first row of the first item, whose figures stand beside a later line: as far up as no wide gap parts."""
    n = seed
    while n > first and grid.rows[n - 1].page == grid.rows[seed].page and is_next_line(grid, n - 1, n):
        n -= 1
    return n


def _parting(grid: Grid, before: int, seed: int) -> int:
    """The first row of the item of `seed` below the item of row `before`: behind the widest gap, if that is clear."""
    if grid.rows[before].page != grid.rows[seed].page:
        page = grid.rows[seed].page
        return _upwards(grid, next(n for n in range(before, seed + 1) if grid.rows[n].page == page), seed)
    rows = list(range(before, seed + 1))
    gaps = [grid.baselines[b] - grid.baselines[a] for a, b in itertools.pairwise(rows)]
    ordered = sorted(gaps)
    if len(gaps) > 1 and ordered[-1] >= WIDER * ordered[-2]:
        return rows[int(np.argmax(gaps)) + 1]
    return _first_beside(grid, before, seed)


def _last(grid: Grid, body: Body, roles: Roles, seed: int) -> int:
    """The last row of the last item: before another amount or sum, a wide gap, or the end of the page."""
    last = seed
    under = [body.under[k] for k in roles.columns.values()]
    for n in (n for n in body.rows if n > seed):
        is_total = is_sum(grid, grid.rows[n]) and not any(n in column for column in under)
        is_other = is_total or n in body.under[roles.columns["amount"]] or not _is_next(grid, last, n)
        if grid.rows[n].page != grid.rows[seed].page or is_other:
            break
        last = n
    return last


def _is_next(grid: Grid, a: int, b: int) -> bool:
    return grid.baselines[b] - grid.baselines[a] <= CLOSE * grid.layout.height
