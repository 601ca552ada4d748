"""Readings of the print beside what the file states: agreement makes them surer, a difference is said and seen.

Three things may happen to a field of which the file says something:

same       the file says what was read: the confidence rises (`weight`), never above what labels have shown;
settled    what was read is another term of the file, or a shorter or longer piece of the stated value, or nothing was
           found, and the stated value is printed: that place is read instead;
differs    anything else. The reading stays what is printed, is less sure, and people look: file and print differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractor import kinds
from extractor.fields.anchors.phrases import anchors_of
from extractor.kinds.text import compact
from extractor.stated.contradict import contradiction
from extractor.stated.filledform import FORM, statements_by_field
from extractor.stated.notes import DIFFERS, NOTE
from extractor.stated.printed import Place, Print
from extractor.stated.rows import agreeing_rows, printed_row, row_values, rows_of, unstated_figures, with_rows
from extractor.stated.weight import UNTAUGHT, Weight, Weights
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Box, Page, Reading, Statement, ValueState

PRINTED = frozenset({"mrz"})  # statements that are print themselves, with check digits for a proof
UNSEEN = 0.05  # chance of a printed value that the machine did not weigh, before the file speaks for it


def compare(
    readings: Sequence[Reading],
    statements: Sequence[Statement],
    pages: Sequence[Page],
    doctype: DocumentType,
    weights: Weights = UNTAUGHT,
) -> tuple[list[Reading], list[str]]:
    """Readings that know what the file states of their field, and one sentence for each difference.

    Without statements about a field its reading is as it was.
    """
    of_field = stated_fields(statements, doctype)
    if not of_field:
        return list(readings), []
    seen = Print(pages, doctype)
    known = _known(statements)
    problems: list[str] = []
    result = []
    for reading in readings:
        for statement in of_field.get(reading.field, ()):
            case = _Case(doctype.field(reading.field), statement, seen, weights.of(statement.source), known)
            reading = case.judge(reading)
        problems += [_sentence(reading.field, note) for note in notes_of(reading) if not note["agrees"]]
        result.append(reading)
    return result, problems


def stated_fields(statements: Sequence[Statement], doctype: DocumentType) -> dict[str, list[Statement]]:
    """The statements about each field: those that have its name, or are about what its labels say."""
    called = anchors_of(doctype).fields
    names = {f.name: {f.name, called.get(f.name, f.name)} for f in doctype.fields}
    found: dict[str, list[Statement]] = {}
    for statement in statements:
        for field in doctype.fields:
            if (
                statement.source != FORM
                and statement.term in names[field.name]
                and (field.kind is Kind.TABLE) == bool(statement.rows)
            ):
                found.setdefault(field.name, []).append(statement)
    for name, said in statements_by_field((s for s in statements if s.source == FORM), doctype).items():
        found.setdefault(name, []).extend(said)
    return found


def says(statement: Statement, value: str | list[str] | None, field: FieldSpec) -> bool | None:
    """Whether the file says what was read; None where that cannot be told, as of tables."""
    if field.kind is Kind.TABLE or value is None:
        return None
    return _is_said(field, value, (statement.value, *statement.also))


def _is_said(field: FieldSpec, value: str | list[str] | None, spellings: Sequence[str]) -> bool:
    if isinstance(value, list):
        return any(_is_said(field, one, spellings) for one in value)
    return any(kinds.same(field.kind, value, one) for one in spellings)


def notes_of(reading: Reading) -> list[dict[str, Any]]:
    """What the file says of a field, as its reading keeps it."""
    notes: list[dict[str, Any]] = reading.provenance.get(NOTE, [])
    return notes


def _known(statements: Iterable[Statement]) -> frozenset[str]:
    """The signs of everything that the file says anywhere."""
    values = [v for s in statements for v in (s.value, *s.also)]
    values += [spelling for s in statements for row in s.rows for cell in row.values() for spelling in cell]
    keys = {compact(value) for value in values} | {kinds.key(Kind.MONEY, value) for value in values if value}
    return frozenset(keys - {""})


def _sentence(field: str, note: Mapping[str, Any]) -> str:
    printed = f"the print says {note['read']}" if note["read"] else "nothing like it was found in print"
    return f"{DIFFERS}: {field} is {note['value']} in {note['origin'] or note['source']}; {printed}"


@dataclass(frozen=True)
class _Case:
    """One statement about one field."""

    field: FieldSpec
    statement: Statement
    seen: Print
    weight: Weight
    known: frozenset[str]

    def judge(self, reading: Reading) -> Reading:
        if self.field.kind is Kind.TABLE:
            return self._table(reading)
        values = (self.statement.value, *self.statement.also)
        is_print = self.statement.source in PRINTED  # its letters are spelled otherwise: Ł as L, Ø as OE
        other = None if is_print else contradiction(self.seen, self.field, values, self.known)
        is_same = reading.state is ValueState.FOUND and _is_said(self.field, reading.value, values)
        if other is not None and (is_same or reading.state is not ValueState.FOUND):
            return self._noted(reading, False, self._doubted(reading), f"{reading.value or ''} {other.text}".strip())
        if is_same:
            return self._noted(reading, True, self.weight.agreeing(reading.confidence), reading.value)
        place, value = self._place(values, reading)
        if place is None and is_print and reading.state is not ValueState.FOUND:
            place = self._own_place()
        if place is None or not self._may_settle(reading, place):
            said = reading.value if reading.state is ValueState.FOUND else None
            return self._noted(reading, False, self._doubted(reading), said)
        prior = max((p for v, p in reading.alternatives if _is_said(self.field, v, values)), default=UNSEEN)
        settled = replace(
            reading, state=ValueState.FOUND, value=[value] if self.field.repeated else value, text=place.text,
            page=place.page, box=place.box, lines=(), items=(),
            provenance=reading.provenance | {"rule": NOTE},
        )  # fmt: skip
        return self._noted(settled, True, self.weight.agreeing(min(prior, 1.0)), reading.value)

    def _doubted(self, reading: Reading) -> float:
        if reading.state is ValueState.NOT_FOUND:
            return reading.confidence
        return min(reading.confidence, self.weight.differing(reading.confidence))

    def _place(self, values: Sequence[str], reading: Reading) -> tuple[Place | None, str]:
        """Where one of the spellings is printed, nearest to what was read; and its value."""
        for value in values:
            places = self.seen.places(self.field, value)
            if places:
                on_it = [place for place in places if _touches(place, reading)]
                spelled = place_value(self.field, (on_it or places)[0], value)
                return (on_it or places)[0], spelled
        return None, values[0]

    def _own_place(self) -> Place | None:
        """Where the statement itself is printed, for people to see."""
        said = self.statement
        return Place(said.value, said.page, said.box) if said.page is not None and said.box is not None else None

    def _may_settle(self, reading: Reading, place: Place) -> bool:
        """Whether what was read is explained: nothing, a piece of the same words, or another term of the file."""
        if reading.state is not ValueState.FOUND or isinstance(reading.value, list):
            return not reading.items
        key = compact(reading.value or "")
        if self.field.kind is Kind.MONEY:
            key = kinds.key(Kind.MONEY, reading.value)
        return _touches(place, reading) or key in self.known

    def _noted(self, reading: Reading, agrees: bool, confidence: float, read: object) -> Reading:
        note = {
            "source": self.statement.source,
            "origin": self.statement.origin,
            "value": self.statement.value or " / ".join(row_values(self.statement.rows, self.field)),
            "agrees": agrees,
            "read": read if isinstance(read, str) or read is None else " / ".join(map(str, read)),  # type: ignore[call-overload]
        }
        notes = [*notes_of(reading), note]
        return reading.with_confidence(lambda _: confidence, {NOTE: notes})

    def _table(self, reading: Reading) -> Reading:
        """Tables are the same if all rows are; a cell that only one of them has does not count.

        A table that was read otherwise is settled if all that is stated is printed, and all figures read are stated.
        """
        read, rows = rows_of(reading, self.field), self.statement.rows
        if read and agreeing_rows(read, rows, self.field):
            return self._noted(reading, True, self.weight.agreeing(reading.confidence), reading.value)
        printed = [printed_row(row, self.field, self.seen) for row in rows]
        if not all(row.is_whole for row in printed) or unstated_figures(read, self.field, self.known):
            return self._noted(reading, False, self._doubted(reading), reading.value)
        settled = with_rows(reading, printed, self.field, {"rule": NOTE})
        sure = self.weight.agreeing(max(UNSEEN, min(reading.confidence, 0.5)))
        return self._noted(settled, True, sure, reading.value)


def place_value(field: FieldSpec, place: Place, value: str) -> str:
    """Names as they are printed; what has a form of its own in that form."""
    printed = " ".join(place.text.split()).strip(" ,;:")
    is_text = field.kind in (Kind.NAME, Kind.LINE, Kind.ADDRESS) and kinds.same(field.kind, printed, value)
    return printed if is_text else value


def _touches(place: Place, reading: Reading) -> bool:
    """Whether the place shares a part with what was read."""
    box: Box | None = reading.box
    if box is None or reading.page != place.page:
        return False
    return place.box.x0 < box.x1 and box.x0 < place.box.x1 and place.box.y0 < box.y1 and box.y0 < place.box.y1
