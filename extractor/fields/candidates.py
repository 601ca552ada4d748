"""Typed candidates: for each kind of value, every stretch of tokens that may be one. Generic over document types."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from extractor import kinds
from extractor.fields.chains import LEGAL_FORMS, Tokens, capitalised_runs, chains, is_prose, prose
from extractor.fields.layout import Layout
from extractor.fields.locales import SPELLINGS, is_shared, locale_of_document
from extractor.fields.spans import Running, Span, running, unique
from extractor.kinds import Locale, checkbox, date, identifier, money
from extractor.kinds.checkbox import EMPTY_BOX, TICKED_BOX
from extractor.kinds.date import Span as TextSpan
from models.doctype import DocumentType, Kind

NAME_TOKENS, NAME_SEGMENTS = 12, 3
ADDRESS_SEGMENTS, ADDRESS_CHARACTERS = 6, 12
LINE_TOKENS = 8
WIDE_SPACE = 0.6  # in heights of a token; a usual space is 0.2 to 0.4
AFTER_ADDRESS = ("TEL", "PHONE", "FAX", "GST", "H/P", "EMAIL", "E-MAIL", "WWW", "HP:", "PH:", "REG", "CO.REG", "ROC")
_DURATION = re.compile(
    r"(?:\b[a-z][a-z\-]*(?: [a-z]+)? )?\(?(?P<n>\d+)\)?[ \-]*(?P<unit>years?|months?|days?|weeks?)\b", re.IGNORECASE
)
_NUMBER_WORDS = ["ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN", "ELEVEN", "TWELVE"]
_SPELLED = re.compile(
    rf"\b(?P<word>{'|'.join(_NUMBER_WORDS)})[ \-]+(?P<unit>years?|months?|days?|weeks?)\b", re.IGNORECASE
)


def find_candidates(layout: Layout, doctype: DocumentType) -> dict[Kind, list[Span]]:
    """The candidates of `layout` for every kind that `doctype` has fields of."""
    found: dict[Kind, list[Span]] = {}
    own = locale_of_document(layout, doctype)
    for kind in dict.fromkeys(f.kind for f in doctype.fields):
        choices = tuple(c for f in doctype.fields if f.kind is kind for c in f.choices)
        locale = replace(own, choices=choices)
        generate = GENERATORS.get(kind)
        found[kind] = unique(generate(layout, locale)) if generate and len(layout) else []
    return found


def _span(layout: Layout, kind: Kind, tokens: Tokens, value: str | None = None) -> Span:
    text = layout.join(tokens)
    if value is None:  # text as printed: the key of the whole is the keys of the parts
        key = "".join([layout.compacts[t] for t in tokens])
        return Span(kind, tokens, text, text, key or kinds.key(kind, text))
    return Span(kind, tokens, text, value, kinds.key(kind, value))


def _texts(layout: Layout) -> Iterator[Running]:
    """The rows, then each pair of rows for values that run over the end of a line."""
    for row in layout.rows:
        yield running(layout, row)
    for upper, lower in itertools.pairwise(layout.segments):
        if layout.line[upper[0]] != layout.line[lower[0]] and layout.page[upper[0]] == layout.page[lower[0]]:
            yield running(layout, [*upper[-6:], *lower[:6]])


def _found(layout: Layout, kind: Kind, search: Callable[[str], Sequence[TextSpan]]) -> Iterator[Span]:
    taken: set[int] = set()
    for line in _texts(layout):
        for match in search(line.text):
            tokens = line.tokens(match)
            crosses = layout.line[tokens[0]] != layout.line[tokens[-1]]
            if not (crosses and taken & set(tokens)):
                taken.update(tokens)
                yield _span(layout, kind, tokens, match.value)


def dates(layout: Layout, locale: Locale) -> Iterable[Span]:
    return _found(layout, Kind.DATE, lambda text: date.find(text, locale))


def amounts(layout: Layout, locale: Locale) -> Iterable[Span]:
    return _found(layout, Kind.MONEY, lambda text: money.find(text, locale))


def identifiers(layout: Layout, locale: Locale) -> Iterator[Span]:  # noqa: ARG001
    for row in layout.rows:
        line = running(layout, row)
        for match in identifier.find(line.text):
            yield _span(layout, Kind.IDENTIFIER, line.tokens(match), match.value)


def _letters(layout: Layout, tokens: Tokens) -> int:
    return sum([layout.letters[t] for t in tokens])


def _starts(layout: Layout, tokens: Tokens, gaps: set[int]) -> set[int]:
    """Where a value may begin: at the segment's start, after a label with a colon, after one or two label words."""
    text = layout.text
    starts = {0} | {i + 1 for i in range(len(tokens) - 1) if text[tokens[i]].endswith((":", "#", ")"))}
    return starts | set(range(1, min(3, len(tokens)))) | gaps


def _gaps(layout: Layout, tokens: Tokens) -> set[int]:
    """Positions after a space that is wider than a usual one: columns that stand close together."""
    spaces = layout.spaces  # two tokens of one row follow each other without another between them
    return {i for i in range(1, len(tokens)) if tokens[i] == tokens[i - 1] + 1 and spaces[tokens[i]] > WIDE_SPACE}


def _ends(layout: Layout, tokens: Tokens, gaps: set[int]) -> set[int]:
    """Where it may end: at the end, before a bracket or a long number, after a comma or a legal form."""
    ends = {len(tokens), *gaps} | ({len(tokens) - 1} if len(tokens) > 2 else set())
    for i, token in enumerate(tokens):
        word = layout.text[token]
        if i and (word.startswith(("(", "#", "[")) or layout.digits[token] >= 4):
            ends.add(i)
        if i and word.upper().startswith(("CO.", "REG", "GST", "TEL", "ROC")):
            ends.add(i)
        if word.endswith(",") or layout.compacts[token] in LEGAL_FORMS or layout.compacts[token].endswith("BHD"):
            ends.add(i + 1)
    return ends


def names(layout: Layout, locale: Locale) -> Iterator[Span]:  # noqa: ARG001
    for cut in dict.fromkeys(_cuts_for_names(layout)):  # most are found several times
        if _letters(layout, cut) >= 3:
            yield _span(layout, Kind.NAME, cut)


def _cuts_for_names(layout: Layout) -> Iterator[Tokens]:
    for tokens, segments in chains(layout, NAME_SEGMENTS):
        if len(tokens) > (NAME_TOKENS if segments > 1 else 20):
            continue
        gaps = _gaps(layout, tokens)
        ends = _ends(layout, tokens, gaps)
        for start in _starts(layout, tokens, gaps):
            yield from [tokens[start:end] for end in ends if start < end <= start + NAME_TOKENS]
    for block in prose(layout):
        for run in capitalised_runs(layout, block, NAME_TOKENS):
            yield from _name_cuts(layout, run)


def _name_cuts(layout: Layout, run: Tokens) -> Iterator[Tokens]:
    """A capitalised run, its parts around `and`, and itself without its first word or its tail after a comma."""
    inner = [i for i, t in enumerate(run) if layout.text[t].upper() in ("AND", "&", "BETWEEN", "WITH", "OF")]
    commas = [i + 1 for i, t in enumerate(run) if layout.text[t].endswith(",")]
    legal = [i + 1 for i, t in enumerate(run) if layout.compacts[t] in LEGAL_FORMS]
    starts = {0, 1} | {i + 1 for i in inner}
    ends = {len(run), *inner, *commas, *legal}
    for start, end in itertools.product(starts, ends):
        if start < end:
            yield run[start:end]


def addresses(layout: Layout, locale: Locale) -> Iterator[Span]:  # noqa: ARG001
    for cut in dict.fromkeys(_cuts_for_addresses(layout)):
        if _letters(layout, cut) >= 5 and len(layout.join(cut)) >= ADDRESS_CHARACTERS:
            yield _span(layout, Kind.ADDRESS, cut)


def _cuts_for_addresses(layout: Layout) -> Iterator[Tokens]:
    for tokens, _ in chains(layout, ADDRESS_SEGMENTS):
        if len(tokens) > 40:
            continue
        upper = [layout.text[t].upper() for t in tokens]
        stop = next((i for i in range(2, len(tokens)) if upper[i].startswith(AFTER_ADDRESS)), len(tokens))
        for start in {0} | {i + 1 for i in range(min(3, len(tokens) - 1)) if upper[i].endswith((":", ")"))}:
            for end in {stop, len(tokens)}:
                yield tokens[start:end]


def lines(layout: Layout, locale: Locale) -> Iterator[Span]:  # noqa: ARG001
    for number, tokens in enumerate(layout.segments):
        if is_prose(layout, number):
            continue
        for start in _starts(layout, tuple(tokens), _gaps(layout, tuple(tokens))):
            yield _span(layout, Kind.LINE, tuple(tokens[start:]))
    for block in prose(layout):
        for run in capitalised_runs(layout, block, LINE_TOKENS):
            for start, end in itertools.combinations(range(len(run) + 1), 2):
                if end - start <= 3:
                    yield _span(layout, Kind.LINE, run[start:end])
        yield from _durations(layout, running(layout, block))


def _durations(layout: Layout, line: Running) -> Iterator[Span]:
    """`two (2) years` means 2 years."""
    matches = [(m, m["n"]) for m in _DURATION.finditer(line.text)]
    matches += [(m, str(_NUMBER_WORDS.index(m["word"].upper()) + 1)) for m in _SPELLED.finditer(line.text)]
    for match, number in matches:
        unit = match["unit"].lower().rstrip("s")
        value = f"{int(number)} {unit}" + ("" if int(number) == 1 else "s")
        yield _span(layout, Kind.LINE, line.tokens(TextSpan(match.start(), match.end(), value)), value)


@functools.lru_cache(maxsize=256)
def _spelled(choice: str) -> re.Pattern[str]:
    """The choice by its own words, or by another spelling of it: a sign may stand close to its number."""
    others = "".join(f"|{spelling}" for spelling in SPELLINGS.get(choice, ()))
    return re.compile(rf"(?<!\w){re.escape(choice)}(?!\w){others}", re.IGNORECASE)


def choices(layout: Layout, locale: Locale) -> Iterator[Span]:
    patterns = [(c, _spelled(c)) for c in locale.choices]
    for line in _texts(layout):
        for choice, pattern in patterns:
            for m in pattern.finditer(line.text):
                is_told = is_shared(m[0]) and locale.currency in locale.choices
                value = locale.currency if is_told else choice
                yield _span(layout, Kind.CHOICE, line.tokens(TextSpan(m.start(), m.end(), value)), value)


def ticks(layout: Layout, locale: Locale) -> Iterator[Span]:
    """Printed boxes; on a page without any, what else may say yes or no: beside boxes, such words are labels."""
    boxes = {EMPTY_BOX, TICKED_BOX}.intersection(layout.text)
    for token, text in enumerate(layout.text):
        value = checkbox.normalise(text, locale)
        if value is not None and (text in boxes if boxes else len(text) <= 3 and not text.isdigit()):
            yield _span(layout, Kind.CHECKBOX, (token,), value)


GENERATORS: dict[Kind, Callable[[Layout, Locale], Iterable[Span]]] = {
    Kind.DATE: dates,
    Kind.MONEY: amounts,
    Kind.IDENTIFIER: identifiers,
    Kind.NAME: names,
    Kind.ADDRESS: addresses,
    Kind.LINE: lines,
    Kind.CHOICE: choices,
    Kind.CHECKBOX: ticks,
}
