"""Learning a table field from labelled documents: targets from known rows, scorers, and confidence out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from extractor import kinds
from extractor.fields.labels import TrainingDocument
from extractor.fields.layout import Layout
from extractor.fields.locales import locale_of_document
from extractor.fields.tables.features import (
    COLUMN_NUMBERS,
    ROW_NUMBERS,
    WORDS,
    Array,
    column_numbers,
    hashed,
    row_numbers,
)
from extractor.fields.tables.figures import Grid, find_columns, make_grid, titles
from extractor.fields.tables.lines import MOST_LINES, Lines, joined
from extractor.fields.tables.model import EVIDENCE, Found, LearnedTable, Logistic, TableReader, cell_value
from extractor.kinds.text import compact
from models.doctype import DocumentType, FieldSpec, Kind
from models.nets import calibration
from models.nets.calibration import Calibrator
from models.values import ValueState

LEAST_DOCUMENTS = 5
LEAST_PIECE = 3  # letters and digits: a shorter piece of a text is found anywhere
SAME_CELLS = 0.8  # of the rows of a column must carry the label's cells, or the column is another one


@dataclass(frozen=True, eq=False)
class TableDecision:
    """What was read from a document that the scorers had not seen."""

    document: str
    field: str
    value: list[str]
    confidence: float
    correct: bool


@dataclass(frozen=True)
class Match:
    """A row of the label that a printed row bills, and the further lines of its text."""

    label: int
    lines: Lines


@dataclass(frozen=True, eq=False)
class _Lesson:
    """One document: its rows as numbers, which of them bill something, and its columns with their roles."""

    document: TrainingDocument
    layout: Layout
    truth: list[str]
    fold: int
    rows: tuple[Array, Array, Array]  # numbers, words, right
    columns: tuple[Array, Array, list[str]]  # numbers, words, role or ""


def learn_tables(
    documents: Sequence[TrainingDocument],
    layouts: Sequence[Layout],
    folds: Sequence[int],
    doctype: DocumentType,
    before: Mapping[str, LearnedTable] | None = None,
) -> tuple[dict[str, LearnedTable], list[TableDecision]]:
    """The readers of all table fields of a type that have enough labels, and their decisions out of fold.

    A reader from `before`, which has seen none of the documents, stays where it is right on as many.
    """
    learned: dict[str, LearnedTable] = {}
    decisions: list[TableDecision] = []
    for field in doctype.fields:
        if field.kind is not Kind.TABLE:
            continue
        found = learn_table(documents, layouts, folds, field, doctype)
        if known := (before or {}).get(field.name):
            found = _better(found, known, documents, layouts, doctype)
        if found:
            learned[field.name] = found[0]
            decisions += found[1]
    return learned, decisions


def learn_table(
    documents: Sequence[TrainingDocument],
    layouts: Sequence[Layout],
    folds: Sequence[int],
    field: FieldSpec,
    doctype: DocumentType,
) -> tuple[LearnedTable, list[TableDecision]] | None:
    """The reader of one table field and its decisions out of fold, or None without enough labelled documents."""
    lessons = [
        _lesson(document, layout, fold, field, doctype)
        for document, layout, fold in zip(documents, layouts, folds, strict=True)
        if (label := document.labels.get(field.name)) and label.state is ValueState.FOUND and label.value
    ]
    if len(lessons) < LEAST_DOCUMENTS or len({lesson.fold for lesson in lessons}) < 2:
        return None
    tried: list[tuple[_Lesson, Found]] = []
    for fold in sorted({lesson.fold for lesson in lessons}):
        reader = _fit([lesson for lesson in lessons if lesson.fold != fold], field)
        tried += [(one, reader.read(one.layout, doctype)[1]) for one in lessons if one.fold == fold]
    calibrator, decisions = _calibrate(tried, field)
    return LearnedTable(_fit(lessons, field), calibrator), decisions


def _better(
    found: tuple[LearnedTable, list[TableDecision]] | None,
    known: LearnedTable,
    documents: Sequence[TrainingDocument],
    layouts: Sequence[Layout],
    doctype: DocumentType,
) -> tuple[LearnedTable, list[TableDecision]]:
    """What was learned, unless what was known reads at least as many of the tables."""
    field, decisions = known.reader.field, []
    for document, layout in zip(documents, layouts, strict=True):
        label = document.labels.get(field.name)
        if label and label.state is ValueState.FOUND and label.value:
            read = known.reader.read(layout, doctype)[1]
            value = [item.value for item in read.items]
            truth: list[str] = [kinds.label_value(field.kind, row, doctype, field) for row in label.value]
            sure = known.confidence(read) if read.items else 0.0
            right = kinds.same(field.kind, value, truth)
            decisions.append(TableDecision(document.id, field.name, value, sure, right))
    told = sum(one.correct for one in decisions)
    return found if found and told < sum(one.correct for one in found[1]) else (known, decisions)


def _calibrate(tried: Sequence[tuple[_Lesson, Found]], field: FieldSpec) -> tuple[Calibrator, list[TableDecision]]:
    evidence = np.array([[found.evidence.get(name, 0.0) for name in EVIDENCE] for _, found in tried])
    values = [[item.value for item in found.items] for _, found in tried]
    right = np.array([kinds.same(field.kind, v, one.truth) for v, (one, _) in zip(values, tried, strict=True)], float)
    fold = np.array([one.fold for one, _ in tried])
    one_field, weight = np.zeros(len(tried), np.int64), np.ones(len(tried))
    crossed = np.zeros(len(tried))
    for k in np.unique(fold):
        rest, mine = fold != k, fold == k
        part = calibration.fit(evidence[rest], one_field[rest], right[rest], weight[rest], 1)
        crossed[mine] = part.confidence(evidence[mine], one_field[mine])
    decisions = [
        TableDecision(one.document.id, field.name, value, float(p), bool(ok))
        for (one, _), value, p, ok in zip(tried, values, crossed, right, strict=True)
    ]
    return calibration.fit(evidence, one_field, right, weight, 1), decisions


def _fit(lessons: Sequence[_Lesson], field: FieldSpec) -> TableReader:
    numbers, words, right = (np.concatenate([lesson.rows[k] for lesson in lessons]) for k in range(3))
    row = Logistic.fit(numbers, words, right, words_for=False)
    numbers, words = (np.concatenate([lesson.columns[k] for lesson in lessons]) for k in (0, 1))
    named = np.array([name for lesson in lessons for name in lesson.columns[2]])
    roles = {
        c.name: Logistic.fit(numbers, words, (named == c.name).astype(float), words_for=True) for c in field.columns
    }
    return TableReader(field, row, roles)


def _lesson(document: TrainingDocument, layout: Layout, fold: int, field: FieldSpec, doctype: DocumentType) -> _Lesson:
    label = document.labels[field.name]
    assert label is not None
    assert isinstance(label.value, list)
    truth: list[str] = [kinds.label_value(field.kind, row, doctype, field) for row in label.value]
    grid = make_grid(layout, locale_of_document(layout, doctype))
    matched = _matched(grid, truth, field)
    right = np.array([float(n in matched) for n in range(len(grid.rows))])
    words = np.stack([hashed(grid, row.tokens) for row in grid.rows]) if grid.rows else np.zeros((0, WORDS))
    numbers = row_numbers(grid) if grid.rows else np.zeros((0, ROW_NUMBERS))
    return _Lesson(document, layout, truth, fold, (numbers, words, right), _columns(grid, matched, truth, field))


def _matched(grid: Grid, truth: Sequence[str], field: FieldSpec) -> dict[int, Match]:
    """Printed row -> its row of the label: the label's longest text begins, ends or is in it, with all its numbers."""
    left = dict(enumerate(_parts(row, field) for row in truth))
    found: dict[int, Match] = {}
    for n, row in enumerate(grid.rows):
        figures = {f"{value.normalize():f}" for _, value, _ in row.figures}
        for k, (text, numbers) in left.items():
            lines = _lines_of(grid, n, text) if figures and numbers <= figures else None
            if lines is not None:
                found[n] = Match(k, lines)
                del left[k]
                break
    return found


def _lines_of(grid: Grid, n: int, text: str) -> Lines | None:
    """The rows above and below row `n` with what it lacks of `text`; None if `text` does not run through the row."""
    said = compact(grid.words(grid.rows[n].tokens))
    if text in said:
        return (), ()
    cells = [compact(grid.words(cell)) for cell in grid.rows[n].cells]
    pieces = ["".join(cells[i:j]) for i in range(len(cells)) for j in range(i + 1, len(cells) + 1)]
    own = max((p for p in pieces if p in text and len(p) >= LEAST_PIECE), key=len, default="")
    before, _, after = text.partition(own) if own else ("", "", "")
    above, below = _consumed(grid, n, -1, before), _consumed(grid, n, 1, after)
    return (above, below) if own and above is not None and below is not None else None


def _consumed(grid: Grid, n: int, step: int, text: str) -> tuple[int, ...] | None:
    """The rows from `n` on in one direction that make up `text`, in reading order; None if they do not."""
    rows: list[int] = []
    while text and 0 <= n + step < len(grid.rows) and len(rows) < MOST_LINES:
        n += step
        said = compact(grid.words(grid.rows[n].tokens))
        if not said or not (text.startswith(said) if step > 0 else text.endswith(said)):
            return None
        text = text[len(said) :] if step > 0 else text[: -len(said)]
        rows.append(n)
    return None if text else tuple(sorted(rows))


def _parts(row: str, field: FieldSpec) -> tuple[str, set[str]]:
    cells = dict(zip((c.name for c in field.columns), row.split("|"), strict=False))
    money = {c.name for c in field.columns if c.kind is Kind.MONEY}
    numbers = {kinds.key(Kind.MONEY, text.strip()) for name, text in cells.items() if name in money and text.strip()}
    texts = [compact(text) for name, text in cells.items() if name not in money]
    return max(texts, key=len, default=""), numbers


def _columns(
    grid: Grid, matched: Mapping[int, Match], truth: Sequence[str], field: FieldSpec
) -> tuple[Array, Array, list[str]]:
    numbers, words, names = [np.zeros((0, COLUMN_NUMBERS))], [np.zeros((0, WORDS))], []
    for page in dict.fromkeys(grid.rows[n].page for n in matched):
        mine = [n for n in matched if grid.rows[n].page == page]
        columns = find_columns(grid, [grid.rows[n] for n in mine])
        numbers.append(column_numbers(grid, columns))
        words.append(np.stack([hashed(grid, head) for head in titles(grid, mine[0], columns)]))
        wanted = [truth[matched[n].label].split("|") for n in mine]
        lines = [matched[n].lines for n in mine]
        names += [_role(grid, column.cells, lines, wanted, field) for column in columns]
    return np.concatenate(numbers), np.concatenate(words), names


def _role(
    grid: Grid,
    cells: Sequence[tuple[int, ...]],
    lines: Sequence[Lines],
    wanted: Sequence[Sequence[str]],
    field: FieldSpec,
) -> str:
    """The name of the label's column that the cells carry, alone or with their further lines, or nothing."""
    for k, column in enumerate(field.columns):
        same = [
            any(_says(grid, tokens, column.kind, row[k]) for tokens in (cell, joined(grid, more, cell)))
            for cell, more, row in zip(cells, lines, wanted, strict=True)
            if k < len(row) and row[k].strip()  # a cell without a label tells nothing
        ]
        if same and float(np.mean(same)) >= SAME_CELLS:
            return column.name
    return ""


def _says(grid: Grid, tokens: Sequence[int], kind: Kind, wanted: str) -> bool:
    return kinds.same(Kind.TABLE, cell_value(grid.words(tokens), kind, grid.locale), wanted.strip())
