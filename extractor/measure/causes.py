"""Why a value is wrong, so that one knows what to mend: the label, the OCR, the candidates, the choice, or the type.

A value that people wanted is looked for in what the machine had before it: the candidates, and the words of the pages.
A candidate with the right value was there to be chosen; text that stands there whole was cut wrongly; text that nearly
stands there was read wrongly; what nothing resembles is the label's affair, or stands in another form on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from extractor.fields.candidates import find_candidates
from extractor.fields.layout import lay_out
from extractor.kinds import key
from extractor.kinds.text import compact
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Page

NEAR = 80.0  # per cent of equal characters from which a stretch counts as a damaged reading
AS_PRINTED = frozenset({Kind.NAME, Kind.ADDRESS, Kind.LINE, Kind.IDENTIFIER, Kind.TABLE})


class Cause(StrEnum):
    """What to mend, from what hides all others down to what is left when all else was there."""

    TYPE = "type"  # the document was taken for one of another type
    LABEL = "label"  # nothing like the value stands on the pages
    OCR = "ocr"  # something near it does: its words were read wrongly
    CANDIDATE = "candidate"  # its text does, but no candidate begins and ends where it does
    CHOICE = "choice"  # it was among the candidates, or there was nothing to find, and another answer was given


class Causes:
    """The causes of wrong values on the pages of one document."""

    def __init__(self, pages: Sequence[Page], doctype: DocumentType) -> None:
        layout = lay_out(pages)
        self._keys = {kind: {s.key for s in spans} for kind, spans in find_candidates(layout, doctype).items()}
        self._text = compact(" ".join(word.text for page in pages for word in page.words))

    def of(self, field: FieldSpec, said: str | list[str] | None, wanted: str | list[str] | None) -> Cause:
        """Why `said` was given and not `wanted`; of a list the worst of the values that it lacks."""
        given = {key(field.kind, value) for value in _each(said)}
        lacking = [value for value in _each(wanted) if key(field.kind, value) not in given]
        order = list(Cause)
        parts = (part for value in lacking for part in (value.split("|") if field.kind is Kind.TABLE else [value]))
        return min((self._of_one(field.kind, part) for part in parts), key=order.index, default=Cause.CHOICE)

    def _of_one(self, kind: Kind, value: str) -> Cause:
        wanted = compact(value) if kind is Kind.TABLE else key(kind, value)
        if wanted in self._keys.get(kind, ()):
            return Cause.CHOICE
        if kind in AS_PRINTED and compact(value) in self._text:
            return Cause.CHOICE if kind is Kind.TABLE else Cause.CANDIDATE
        return Cause.OCR if self._is_near(kind, wanted, compact(value)) else Cause.LABEL

    def _is_near(self, kind: Kind, wanted: str, printed: str) -> bool:
        if kind not in AS_PRINTED:  # of dates and amounts any two are alike: one character may differ
            return any(Levenshtein.distance(wanted, other) == 1 for other in self._keys.get(kind, ()))
        near = (fuzz.ratio(wanted, other) for other in self._keys.get(kind, ()))
        on_page = fuzz.partial_ratio(printed, self._text) if len(printed) > 2 else 0.0
        return max(on_page, max(near, default=0.0)) >= NEAR


def _each(value: str | list[str] | None) -> Iterable[str]:
    return [] if value is None else [value] if isinstance(value, str) else value
