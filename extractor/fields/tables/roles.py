"""Which titled column is which: what its title says, and what makes quantity x price = amount hold in most rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from extractor.fields.tables.figures import Grid, Row, agree
from extractor.fields.tables.heads import FAR, Head, Title, find_heads
from models.doctype import FieldSpec, Kind

APART = 0.06  # of the width of the text: so far from its title may a figure stand
AROUND = 2.7  # heights of a line: so far above or below its amount may a quantity or a price stand
PRODUCTS = 8.0  # what it is worth to a choice of columns that all rows multiply
BASES = (Decimal(1), Decimal(10), Decimal(100), Decimal(1000))  # a price may be that of so many
SUMS = frozenset(
    {"net", "tax", "total", "base", "discount", "iban", "terms"}
)  # what labels of rows that bill nothing say

Tokens = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Figure:
    """A number under a title."""

    row: int
    tokens: Tokens
    value: Decimal


@dataclass(frozen=True, eq=False)
class Body:
    """What stands below one head: its rows, and the figures under each of its titles by row."""

    head: Head
    rows: tuple[int, ...]
    under: tuple[Mapping[int, Figure], ...]  # one mapping a title: row -> figure


def bodies(grid: Grid, field: FieldSpec) -> list[Body]:
    """The rows below each head; those of a page without one belong to the head before, at the same places."""
    heads = find_heads(grid, field)
    found = []
    for k, head in enumerate(heads):
        stop = heads[k + 1].first if k + 1 < len(heads) else len(grid.rows)
        rows = tuple(range(head.last + 1, stop))
        if head.names:
            found.append(Body(head, rows, _under(grid, head, rows)))
    return found


def _under(grid: Grid, head: Head, rows: Sequence[int]) -> tuple[Mapping[int, Figure], ...]:
    found: list[dict[int, Figure]] = [{} for _ in head.titles]
    for n in rows:
        row = grid.rows[n]
        for cell, value, _ in row.figures:
            tokens = row.cells[cell]
            if grid.layout.text[tokens[-1]].endswith("%"):
                continue
            k = _title_over(grid, head.titles, tokens)
            if k is not None:
                found[k].setdefault(n, Figure(n, tokens, value))
    return tuple(found)


def _title_over(grid: Grid, titles: Sequence[Title], tokens: Tokens) -> int | None:
    left, right = float(grid.layout.box[tokens[0], 0]), float(grid.layout.box[tokens[-1], 2])
    gaps = [max(title.left - right, left - title.right, 0.0) for title in titles]
    edges = [min(abs(title.right - right), abs(title.left - left)) for title in titles]
    best = min(range(len(titles)), key=lambda k: (gaps[k], edges[k]))
    return best if gaps[best] <= APART else None


@dataclass(frozen=True, eq=False)
class Roles:
    """The title of each numeric column that was found, and how the rows speak for the choice."""

    columns: Mapping[str, int]
    worth: float


def choose_roles(grid: Grid, body: Body, field: FieldSpec) -> Roles | None:
    """The titles of quantity, unit price and amount that their words and the products of the rows favour together."""
    numeric = [c.name for c in field.columns if c.kind is Kind.MONEY]
    if "amount" not in numeric:
        return None
    options = [[k for k, t in enumerate(body.head.titles) if body.under[k] and t.cost(name) < FAR] for name in numeric]
    best: Roles | None = None
    for picked in itertools.product(*[[None, *some] for some in options]):
        chosen = {name: k for name, k in zip(numeric, picked, strict=True) if k is not None}
        if "amount" not in chosen or len(set(chosen.values())) < len(chosen):
            continue
        worth = _worth(grid, body, chosen, numeric)
        if best is None or worth > best.worth:
            best = Roles(chosen, worth)
    return best


def _worth(grid: Grid, body: Body, chosen: Mapping[str, int], numeric: Sequence[str]) -> float:
    cost = sum(body.head.titles[k].cost(name) for name, k in chosen.items())
    missing = sum(1.2 for name in numeric if name not in chosen and _is_named(body.head, name))
    products = 0.0
    if "quantity" in chosen and "unit_price" in chosen:
        seeds = seeds_of(grid, body, chosen)
        products = float(np.mean([_holds(grid, body, chosen, n) for n in seeds])) if seeds else 0.0
    return PRODUCTS * products - cost - missing


def _is_named(head: Head, name: str) -> bool:
    return any(title.cost(name) < 1 for title in head.titles)


def seeds_of(grid: Grid, body: Body, chosen: Mapping[str, int]) -> list[int]:
    """The rows that bill something: an amount, with a quantity and a price near where there are such columns.

    A row with less is one where it says of no sum and stands above the first that does.
    """
    amounts = sorted(body.under[chosen["amount"]])
    others = [body.under[chosen[name]] for name in ("quantity", "unit_price") if name in chosen]
    has = {n: [any(owner_of(grid, amounts, m) == n for m in column) for column in others] for n in amounts}
    full = [n for n in amounts if all(has[n]) and (others or not is_sum(grid, grid.rows[n]))]
    end = next((n for n in amounts if full and n > full[0] and n not in full and is_sum(grid, grid.rows[n])), None)
    rest = [n for n in amounts if n not in full and not is_sum(grid, grid.rows[n]) and (end is None or n < end)]
    return sorted({*full, *(n for n in rest if any(has[n]) or (full and n < full[-1] and _has_words(grid, n)))})


def owner_of(grid: Grid, amounts: Sequence[int], m: int) -> int | None:
    """The row of the amount that a figure in row `m` is nearest to, if any is near."""
    near = [n for n in amounts if _is_near(grid, n, m)]
    return min(near, key=lambda n: abs(grid.baselines[n] - grid.baselines[m]), default=None)


def _has_words(grid: Grid, n: int) -> bool:
    return sum(grid.layout.letters[t] for t in grid.rows[n].tokens) >= 3


def _is_near(grid: Grid, a: int, b: int) -> bool:
    if grid.rows[a].page != grid.rows[b].page:
        return False
    return abs(grid.baselines[a] - grid.baselines[b]) <= AROUND * grid.layout.height


def is_sum(grid: Grid, row: Row) -> bool:
    """Whether the row says that it bills nothing: a sum, a discount, a tax."""
    named = grid.layout.anchors or ("",) * len(grid.layout)
    return any(named[t] in SUMS for t in row.tokens)


def _holds(grid: Grid, body: Body, chosen: Mapping[str, int], n: int) -> bool:
    return multiplied(grid, body, chosen, n, (n, n)) is not None


def multiplied(
    grid: Grid, body: Body, chosen: Mapping[str, int], n: int, block: tuple[int, int]
) -> tuple[Figure, Figure] | None:
    """Quantity and price near row `n` that make its amount, if any do; of the nearest."""
    amount = body.under[chosen["amount"]][n].value
    quantities, prices = (near_figures(grid, body.under[chosen[name]], n, block) for name in ("quantity", "unit_price"))
    for base in BASES:
        for quantity, price in itertools.product(quantities, prices):
            if agree(quantity.value, price.value / base, amount):
                return quantity, price
    return None


def near_figures(grid: Grid, column: Mapping[int, Figure], n: int, block: tuple[int, int]) -> list[Figure]:
    """The figures of a column around row `n`, the nearest first: within its item, or as near as one."""
    first, last = block
    found = [f for m, f in column.items() if (first <= m <= last or block == (n, n)) and _is_near(grid, n, m)]
    return sorted(found, key=lambda f: abs(grid.baselines[f.row] - grid.baselines[n]))
