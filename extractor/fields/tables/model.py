"""Reading and learning of table fields: which rows bill something, what each column is, and how sure the whole is.

Two sets of regularised logistic scorers over numbers and hashed words: one for rows, and one for each column the type
names. Words count against a row but never for it: goods that were seen once must not be what makes a line item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize

from extractor.fields.anchors.phrases import anchors_of
from extractor.fields.layout import Layout, lay_out
from extractor.fields.locales import locale_of_document
from extractor.fields.tables.features import Array, column_numbers, hashed, row_numbers
from extractor.fields.tables.figures import Column, Grid, agree, find_columns, make_grid, titles
from extractor.fields.tables.headed import headed_lines
from extractor.fields.tables.lines import Lines, joined, lines_of_items, whole_column
from extractor.kinds import Locale
from extractor.kinds.table import cell_readings, row_of
from models.doctype import DocumentType, FieldSpec, Kind
from models.nets.calibration import Calibrator
from models.values import Cell, Page, Reading, ValueState
from models.values import Item as ReadItem

STEPS = 60


@dataclass(frozen=True, eq=False)
class Logistic:
    """P(yes) from standardised numbers and hashed words."""

    mean: Array
    scale: Array
    weights: Array  # intercept, numbers, words

    def logits(self, numbers: Array, words: Array) -> Array:
        design = np.concatenate([(numbers - self.mean) / self.scale, words], axis=1)
        result: Array = self.weights[0] + design @ self.weights[1:]
        return result

    @classmethod
    def fit(cls, numbers: Array, words: Array, right: Array, *, words_for: bool) -> Logistic:
        """`words_for`: whether words may speak for yes, or only against it. Without rows all logits are 0."""
        if not len(numbers):
            return cls(
                np.zeros(numbers.shape[1]), np.ones(numbers.shape[1]), np.zeros(1 + numbers.shape[1] + words.shape[1])
            )
        mean, scale = numbers.mean(axis=0), numbers.std(axis=0) + 1e-3
        design = np.concatenate([(numbers - mean) / scale, words], axis=1)

        def loss(solution: Array) -> tuple[float, Array]:
            logits = solution[0] + design @ solution[1:]
            gap = 1 / (1 + np.exp(-logits)) - right
            slope = np.concatenate([[gap.sum()], design.T @ gap + solution[1:]])
            return float((np.logaddexp(0, logits) - right * logits).sum() + (solution[1:] ** 2).sum() / 2), slope

        bounds = [(None, None)] * (1 + numbers.shape[1]) + [(None, None if words_for else 0.0)] * words.shape[1]
        start = np.zeros(len(bounds))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS})
        return cls(mean, scale, found.x)


@dataclass(frozen=True, eq=False)
class Item:
    """One row of the table: its cells by column name, normalised, and its words on the page."""

    cells: dict[str, str]
    words: dict[str, tuple[int, ...]]  # the tokens of each cell
    tokens: tuple[int, ...]

    @property
    def value(self) -> str:
        """The row as tables are written: its cells parted by bars."""
        return row_of(self.cells.values())


@dataclass(frozen=True, eq=False)
class Found:
    """The table of a document with the evidence from which its confidence is made."""

    items: tuple[Item, ...]
    evidence: dict[str, float]


EVIDENCE = (
    "rows",
    "least_row",
    "best_other",
    "least_role",
    "products",
    "sum",
    "full",
    "ocr_mean",
    "ocr_least",
    "pages",
    "headed",
    "same",
    "same_figures",
)


@dataclass(frozen=True, eq=False)
class TableReader:
    """The scorers of one table field."""

    field: FieldSpec
    row: Logistic
    roles: dict[str, Logistic]

    def read(self, layout: Layout, doctype: DocumentType) -> tuple[Grid, Found]:
        """The table of a document; no items if no row bills anything."""
        locale = locale_of_document(layout, doctype)
        grid = make_grid(layout, locale)
        if not grid.rows:
            return grid, Found((), {})
        logits = self.row.logits(row_numbers(grid), np.stack([hashed(grid, r.tokens) for r in grid.rows]))
        learned, headed = self._learned(grid, logits, locale), self._headed(grid, logits, locale)
        if not headed.items or not learned.items:
            return grid, headed if headed.items else learned
        same = float([i.value for i in learned.items] == [i.value for i in headed.items])
        alike = float([_figures(i) for i in learned.items] == [_figures(i) for i in headed.items])
        best = headed if _worth(headed) >= _worth(learned) else learned
        return grid, replace(best, evidence=best.evidence | {"same": same, "same_figures": alike})

    def _headed(self, grid: Grid, logits: Array, locale: Locale) -> Found:
        """The table as its heads and arithmetic have it."""
        items: list[Item] = []
        rows: list[int] = []
        for line in headed_lines(grid, self.field):
            words = {c.name: line.cells.get(c.name, ()) for c in self.field.columns}
            cells = {name: cell_value(grid.words(t), self._column(name), locale) for name, t in words.items()}
            items.append(Item(cells, words, tuple(sorted({t for tokens in words.values() for t in tokens}))))
            rows.append(line.row)
        evidence = _evidence(grid, items, logits[rows], np.delete(logits, rows), [0.0]) if items else {}
        return Found(tuple(items), evidence | {"headed": 1.0})

    def _learned(self, grid: Grid, logits: Array, locale: Locale) -> Found:
        """The table as the scorers have it."""
        picked = [n for n, logit in enumerate(logits) if logit > 0 and grid.rows[n].figures]
        items: list[Item] = []
        roles: list[float] = []
        for page in dict.fromkeys(grid.rows[n].page for n in picked):
            mine = [n for n in picked if grid.rows[n].page == page]
            found, sure = self._page(grid, mine, locale)
            items += found
            roles.append(sure)
        rest = np.delete(logits, picked)
        evidence = _evidence(grid, items, logits[picked], rest, roles)
        return Found(tuple(items), evidence)

    def _page(self, grid: Grid, picked: Sequence[int], locale: Locale) -> tuple[list[Item], float]:
        rows = [grid.rows[n] for n in picked]
        columns = find_columns(grid, rows)
        heads = titles(grid, picked[0], columns)
        roles, sure = self._roles(grid, columns, heads)
        text = self._text_column(grid, columns, roles)
        lines: Sequence[Lines] = [((), ())] * len(rows)
        if text is not None:
            columns = whole_column(grid, columns, roles, text)
            lines = lines_of_items(grid, picked, columns, roles[text])
        items = []
        for n, row in enumerate(rows):
            words: dict[str, tuple[int, ...]] = {c.name: () for c in self.field.columns}
            for name, k in roles.items():
                words[name] = joined(grid, lines[n], columns[k].cells[n]) if name == text else columns[k].cells[n]
            cells = {name: cell_value(grid.words(t), self._column(name), locale) for name, t in words.items()}
            items.append(Item(cells, words, joined(grid, lines[n], row.tokens)))
        return items, sure

    def _text_column(self, grid: Grid, columns: Sequence[Column], roles: Mapping[str, int]) -> str | None:
        """The column that is made of words, which alone runs over several lines."""
        letters = {
            name: sum(grid.layout.letters[t] for cell in columns[k].cells for t in cell)
            for name, k in roles.items()
            if self._column(name) is not Kind.MONEY
        }
        return max(letters, key=lambda name: letters[name], default=None)

    def _column(self, name: str) -> Kind:
        return next(c.kind for c in self.field.columns if c.name == name)

    def _roles(
        self, grid: Grid, columns: Sequence[Column], heads: Sequence[Sequence[int]]
    ) -> tuple[dict[str, int], float]:
        """Column by role, each role once, as most likely together; and the least logit among them."""
        numbers = column_numbers(grid, columns)
        words = np.stack([hashed(grid, head) for head in heads])
        names = list(self.roles)
        logits = np.stack([self.roles[name].logits(numbers, words) for name in names])  # (roles, columns)
        chosen = zip(*linear_sum_assignment(-logits), strict=True)
        kept = {names[r]: int(c) for r, c in chosen if logits[r, c] > -3}
        least = min((float(logits[names.index(name), c]) for name, c in kept.items()), default=-5.0)
        return kept, least if len(kept) == len(names) else min(least, -3.0)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        parts = {"row": self.row} | {f"role.{name}": scorer for name, scorer in self.roles.items()}
        return {
            f"{name}.{part}": getattr(scorer, part).astype(np.float32)
            for name, scorer in parts.items()
            for part in ("mean", "scale", "weights")
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], field: FieldSpec) -> TableReader:
        def scorer(name: str) -> Logistic:
            mean, scale, weights = (arrays[f"{name}.{p}"].astype(np.float64) for p in ("mean", "scale", "weights"))
            return Logistic(mean, scale, weights)

        return cls(field, scorer("row"), {c.name: scorer(f"role.{c.name}") for c in field.columns})


def cell_value(text: str, kind: Kind, locale: Locale) -> str:
    """A cell in the project's form, with the decimals that are printed; what cannot be parsed stays as it is read."""
    return cell_readings(text, kind, locale)[0] if text else ""


def _worth(found: Found) -> float:
    """How well the figures of a table hang together."""
    return sum(found.evidence.get(name, 0.0) for name in ("products", "sum", "full"))


def _figures(item: Item) -> list[Decimal | None]:
    return [_decimal(value) for value in list(item.cells.values())[1:]]


def _evidence(
    grid: Grid, items: Sequence[Item], logits: Array, rest: Array, roles: Sequence[float]
) -> dict[str, float]:
    if not items:
        return {}
    tokens = [t for item in items for t in item.tokens]
    sure = grid.layout.confidence[tokens]
    figures = [[_decimal(v) for v in item.cells.values()] for item in items]
    products = [len(f) >= 3 and all(v is not None for v in f[-3:]) and agree(*f[-3:]) for f in figures]  # type: ignore[arg-type]
    last = [f[-1] for f in figures]
    total = sum(v for v in last if v is not None) if last else None
    return {
        "rows": float(np.log1p(len(items))),
        "least_row": float(np.clip(logits.min(), -6, 6)),
        "best_other": float(np.clip(rest.max(initial=-6), -6, 6)),
        "least_role": float(np.clip(min(roles), -6, 6)),
        "products": float(np.mean(products)),
        "sum": float(total in grid.figures),
        "full": float(np.mean([all(item.cells.values()) for item in items])),
        "ocr_mean": float(sure.mean()),
        "ocr_least": float(sure.min()),
        "pages": float(len(roles) > 1),
    }


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


@dataclass(frozen=True, eq=False)
class LearnedTable:
    """A reader with its calibrator."""

    reader: TableReader
    calibrator: Calibrator
    labels: bool = True  # whether it was learned from labels as what they name, and not from their words

    def read(self, pages: Sequence[Page], doctype: DocumentType) -> Reading:
        """The table as a list of rows; without any row "not found" with the least confidence."""
        field = self.reader.field
        layout = lay_out(pages)
        grid, found = self.reader.read(anchors_of(doctype).mark(layout) if self.labels else layout, doctype)
        if not found.items:
            return Reading(field.name, ValueState.NOT_FOUND, None, None, 0.0, provenance={"rule": "table"})
        sure = self.confidence(found)
        items = tuple(_read_item(grid, item, sure) for item in found.items)
        return Reading(
            field.name,
            ValueState.FOUND,
            [item.value for item in items],
            "; ".join(item.text for item in items),
            sure,
            items[0].page,
            items[0].box,
            items=items,
            provenance={"rule": "table"},
        )

    def confidence(self, found: Found) -> float:
        evidence = np.array([[found.evidence.get(name, 0.0) for name in EVIDENCE]])
        return float(self.calibrator.confidence(evidence, np.zeros(1, np.int64))[0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        fitted = self.calibrator
        numbers = {"mean": fitted.mean, "scale": fitted.scale, "weights": fitted.weights, "fields": fitted.fields}
        calibrator = {f"calibrator.{name}": array for name, array in numbers.items()}
        own = {"calibrator.intercept": np.array([fitted.intercept]), "labels": np.array([self.labels])}
        return self.reader.to_arrays() | calibrator | own

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], field: FieldSpec) -> LearnedTable:
        mean, scale, weights, fields = (arrays[f"calibrator.{p}"] for p in ("mean", "scale", "weights", "fields"))
        later = len(EVIDENCE) - len(mean)  # evidence that came after the bundle counts nothing
        mean, scale, weights = (np.append(a, np.full(later, v)) for a, v in ((mean, 0.0), (scale, 1.0), (weights, 0.0)))
        fitted = Calibrator(mean, scale, weights, float(arrays["calibrator.intercept"][0]), fields)
        labels = bool(arrays["labels"][0]) if "labels" in arrays else False
        return cls(TableReader.from_arrays(arrays, field), fitted, labels)


def _read_item(grid: Grid, item: Item, sure: float) -> ReadItem:
    page = grid.layout.pages[int(grid.layout.page[item.tokens[0]])]
    cells = {name: _read_cell(grid, value, item.words[name], sure) for name, value in item.cells.items()}
    return ReadItem(item.value, grid.words(item.tokens), sure, page.number, grid.box(item.tokens), cells)


def _read_cell(grid: Grid, value: str, tokens: Sequence[int], sure: float) -> Cell:
    """A cell is right at least as often as its table is, of which `sure` is the confidence."""
    if not tokens:
        return Cell(None, None, sure)
    return Cell(value or None, grid.words(tokens), sure, grid.box(tokens))
