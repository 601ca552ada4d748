"""Print that contradicts what the file states though the stated value is printed too: altered in one of its places.

Two signs of it, both only of values that the file does not know at all: a day that stands right behind the field's own
label; and an amount, number or name that differs from the stated one by a sign or two. What is looser than this cries
wolf: on 57 real invoices whatever stood beside the field's label, or short amounts with another digit, 59 times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rapidfuzz.distance import Levenshtein

from extractor import kinds
from extractor.kinds.text import compact
from extractor.stated.printed import Place, Print
from models.doctype import FieldSpec, Kind

LEAST_NAME, NEAR_NAME = 6, 2  # signs of a name, and how many of them may differ
LEAST_DIGITS = 4  # of an amount: 20.00 and 60.00 are 2 and 6, and any invoice has such
LEAST_SIGNS = 5  # of a number
RIGHT_BEHIND = 2  # tokens from the label


def contradiction(seen: Print, field: FieldSpec, values: Sequence[str], known: frozenset[str]) -> Place | None:
    """A place that says another value of `field` than the file, which nothing in the file explains; or None."""
    unknown = (tokens for text, tokens in _others(seen, field, values) if not _is_known(field, text, known))
    return next((seen.place(tokens) for tokens in unknown), None)


def _is_known(field: FieldSpec, text: str, known: frozenset[str]) -> bool:
    key = kinds.key(Kind.MONEY, text) if field.kind is Kind.MONEY else compact(text)
    return key in known


def _others(seen: Print, field: FieldSpec, values: Sequence[str]) -> Iterator[tuple[str, Sequence[int]]]:
    if field.kind is Kind.DATE:
        for span in seen.spans(Kind.DATE):
            if seen.label_beside(span.tokens[0], RIGHT_BEHIND) == seen.called(field):
                yield span.value, span.tokens
    elif field.kind in (Kind.MONEY, Kind.IDENTIFIER):
        wanted = [key for value in values if _counts(key := kinds.key(field.kind, value), field.kind)]
        for span in seen.spans(field.kind):
            if any(len(span.key) == len(one) and Levenshtein.distance(span.key, one) == 1 for one in wanted):
                yield span.value, span.tokens
    elif field.kind is Kind.NAME:
        for value in values:
            yield from _near_names(seen, compact(value))


def _counts(key: str, kind: Kind) -> bool:
    """Whether the value is long enough that another one so near is no chance."""
    return sum(map(str.isdigit, key)) >= LEAST_DIGITS if kind is Kind.MONEY else len(key) >= LEAST_SIGNS


def _near_names(seen: Print, wanted: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Stretches that begin a segment, or follow a colon, and whose signs are almost those wanted."""
    if len(wanted) < LEAST_NAME:
        return
    most = min(NEAR_NAME, len(wanted) // 5)
    for segment in seen.layout.segments:
        keys = [seen.layout.compacts[token] for token in segment]
        starts = [0, *(n + 1 for n, token in enumerate(segment[:-1]) if seen.layout.text[token].endswith(":"))]
        for first in starts:
            text = ""
            for last in range(first, len(segment)):
                text += keys[last]
                if len(text) > len(wanted) + most:
                    break
                is_part = wanted in text or text in wanted
                if not is_part and Levenshtein.distance(text, wanted, score_cutoff=most) <= most:
                    yield text, segment[first : last + 1]
