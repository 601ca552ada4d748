"""What passes between reading and deciding: boxes, words, pages, candidates, readings. Frozen, and free of any library.

Geometry (one definition for the whole project): a box is ``[x0, y0, x1, y1]`` as fractions of the page image that
``/pages/{n}.png`` serves (crop box, turned upright, not deskewed), origin top left. Pages count from 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class ValueState(StrEnum):
    """What is known of a value. Four answers that are never mixed up."""

    FOUND = "found"
    ABSENT = "absent"  # the document does not carry it
    EMPTY = "empty"  # its place is there and left blank
    ILLEGIBLE = "illegible"  # it is there and cannot be read
    NOT_FOUND = "not_found"  # only the machine says this: no candidate, and no proof of absence


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions (0 to 1) of the page image, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def contains(self, x: float, y: float) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def as_list(self) -> list[float]:
        return [round(v, 5) for v in (self.x0, self.y0, self.x1, self.y1)]

    @classmethod
    def from_list(cls, corners: Iterable[float]) -> Box:
        x0, y0, x1, y1 = corners
        return cls(x0, y0, x1, y1)

    @classmethod
    def union(cls, boxes: Iterable[Box]) -> Box:
        """The smallest box around all of `boxes`, which may not be empty."""
        all_boxes = list(boxes)
        return cls(
            min(b.x0 for b in all_boxes),
            min(b.y0 for b in all_boxes),
            max(b.x1 for b in all_boxes),
            max(b.y1 for b in all_boxes),
        )


@dataclass(frozen=True, slots=True)
class Word:
    """One word as an engine read it. `line` counts the rows of the page from 0; `confidence` is the engine's score."""

    text: str
    box: Box
    confidence: float
    line: int
    segment: int = 0  # stretch of a row without a wide gap; counts over the page
    seen: str = ""  # what the engine read, where confirmed text made another word of it
    # what the engine was torn between in the word's line (`extractor.rereading.traces`), until the page keeps it
    trace: list[Any] | None = dataclasses.field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Code:
    """A code for machines on a page: its symbology and what it holds."""

    symbology: str  # e.g. "QRCode"
    text: str
    box: Box


TEXT_LAYER = "text_layer"  # the engine of a page whose words were not read from its image


@dataclass(frozen=True, slots=True)
class Page:
    """One page turned into words, in reading order."""

    number: int
    width: int  # pixels of the served image
    height: int
    words: tuple[Word, ...]
    engine: str  # e.g. "text_layer/1" or "rapidocr/3.10.0": name and version
    rotation: int = 0  # degrees clockwise applied to make the page upright: 0, 90, 180, 270
    problems: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    traces: str = ""  # between what the engine was torn where it was not sure (`extractor.rereading.traces`)

    @property
    def is_from_layer(self) -> bool:
        """Whether the words come from the text layer of the file and not from the image."""
        return self.engine.startswith(TEXT_LAYER)

    @property
    def text(self) -> str:
        rows: dict[int, list[str]] = {}
        for word in self.words:
            rows.setdefault(word.line, []).append(word.text)
        return "\n".join(" ".join(row) for row in rows.values())

    def to_json(self) -> dict[str, Any]:
        """The page for a blob or another process; `from_json` is its inverse."""
        words = [
            [w.text, w.box.as_list(), round(w.confidence, 5), w.line, w.segment, *([w.seen] if w.seen else [])]
            for w in self.words
        ]
        page = {
            "number": self.number,
            "width": self.width,
            "height": self.height,
            "words": words,
            "engine": self.engine,
            "rotation": self.rotation,
            "problems": list(self.problems),
        } | codes_to_json(self.codes)
        return page | ({"traces": self.traces} if self.traces else {})

    @classmethod
    def from_json(cls, page: dict[str, Any]) -> Page:
        """Raises KeyError, TypeError or ValueError for what `to_json` did not write."""
        words = tuple(Word(text, Box.from_list(box), *rest) for text, box, *rest in page["words"])
        lists = {"words": words, "problems": tuple(page["problems"]), "codes": codes_from_json(page)}
        return cls(**(page | lists))


def codes_to_json(codes: Iterable[Code]) -> dict[str, Any]:
    """The entry `codes` of a page; none for a page without: most have none, and older ones had no such entry."""
    listed = [[code.symbology, code.text, code.box.as_list()] for code in codes]
    return {"codes": listed} if listed else {}


def codes_from_json(page: dict[str, Any]) -> tuple[Code, ...]:
    """The inverse of `codes_to_json`. Raises TypeError or ValueError for anything else."""
    listed = page.get("codes", ())
    return tuple(Code(str(symbology), str(text), Box.from_list(box)) for symbology, text, box in listed)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A typed stretch of words that may be the value of a field."""

    kind: str
    page: int
    words: tuple[int, ...]  # indexes into Page.words
    text: str
    value: str  # normalised by kind
    box: Box


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a row of a table, on the page of its row. Without a value the row has nothing in that column."""

    value: str | None  # normalised by the kind of its column, at the precision that is printed
    text: str | None  # as printed
    confidence: float
    box: Box | None = None

    def as_dict(self) -> dict[str, Any]:
        """The cell for a client."""
        return {"value": self.value, "text": self.text, "confidence": self.confidence, "box": _corners(self.box)}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a repeated field, or one row of a table."""

    value: str  # of a row: its cells parted by bars
    text: str
    confidence: float
    page: int | None = None
    box: Box | None = None
    cells: dict[str, Cell] = dataclasses.field(default_factory=dict)  # of a row, by the name of the column

    def with_confidence(self, change: Callable[[float], float]) -> Item:
        """The same with another confidence, its cells too."""
        cells = {n: dataclasses.replace(c, confidence=change(c.confidence)) for n, c in self.cells.items()}
        return dataclasses.replace(self, confidence=change(self.confidence), cells=cells)

    def as_dict(self) -> dict[str, Any]:
        """The item for a client and for a stored document; only rows of tables have `cells`."""
        plain: dict[str, Any] = {"value": self.value, "text": self.text, "confidence": self.confidence}
        plain |= {"page": self.page, "box": _corners(self.box)}
        return plain | ({"cells": {name: cell.as_dict() for name, cell in self.cells.items()}} if self.cells else {})

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> Item:
        """The inverse of `dataclasses.asdict`."""
        cells = {name: Cell(**(cell | {"box": _box(cell["box"])})) for name, cell in item.get("cells", {}).items()}
        return cls(**(item | {"box": _box(item["box"]), "cells": cells}))


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's answer for one field. `confidence` is the calibrated probability that it is right."""

    field: str
    state: ValueState
    value: str | list[str] | None
    text: str | None
    confidence: float
    page: int | None = None
    box: Box | None = None
    lines: tuple[Box, ...] = ()  # one box a line, for values over several lines
    items: tuple[Item, ...] = ()  # repeated fields
    score: float | None = None  # the scorer's own output, not calibrated
    # engine, model version, rule, raw text, second reader
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    alternatives: tuple[tuple[str, float], ...] = ()  # next best values with their scores

    def with_confidence(self, change: Callable[[float], float], notes: Mapping[str, Any] | None = None) -> Reading:
        """The same with another confidence, its items and their cells too, and with `notes` on where it came from."""
        items = tuple(item.with_confidence(change) for item in self.items)
        provenance = self.provenance | dict(notes or {})
        return dataclasses.replace(self, confidence=change(self.confidence), items=items, provenance=provenance)

    def to_json(self) -> dict[str, Any]:
        """The reading for another process; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, reading: dict[str, Any]) -> Reading:
        return cls(**(reading | {
            "state": ValueState(reading["state"]),
            "box": _box(reading["box"]),
            "lines": tuple(Box(**box) for box in reading["lines"]),
            "items": tuple(Item.from_json(item) for item in reading["items"]),
            "alternatives": tuple((value, score) for value, score in reading["alternatives"]),
        }))  # fmt: skip


def _box(corners: dict[str, float] | None) -> Box | None:
    return Box(**corners) if corners else None


def _corners(box: Box | None) -> list[float] | None:
    return box.as_list() if box else None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a file says of a field otherwise than in print: in XML, in a code, in a form field.

    `term` is the name of a field or of what it is about. Never an answer by itself: it is compared with the print.
    """

    source: str  # xml | code | mrz | form
    term: str
    value: str  # in the project's form
    also: tuple[str, ...] = ()  # other spellings that the file gives for the same
    rows: tuple[dict[str, list[str]], ...] = ()  # of a table instead of `value`: spellings of each cell by column
    origin: str = ""  # where in the file: the name of an attachment, a kind of code
    page: int | None = None  # of what is seen on a page
    box: Box | None = None
    called: tuple[str, ...] = ()  # of a form's field: its name and its tooltip

    def to_json(self) -> dict[str, Any]:
        """The statement for another process; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, statement: dict[str, Any]) -> Statement:
        lists = {name: tuple(statement[name]) for name in ("also", "rows", "called")} | {"box": _box(statement["box"])}
        return cls(**(statement | lists))


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the extractor says of one document."""

    document_type: str  # or "unknown"
    document_type_confidence: float
    readings: tuple[Reading, ...]
    model_version: str | None  # id of the bundle that read it
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The recognition for another process; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, recognition: dict[str, Any]) -> Recognition:
        readings = tuple(Reading.from_json(reading) for reading in recognition["readings"])
        return cls(**(recognition | {"readings": readings, "problems": tuple(recognition["problems"])}))
