"""The lines for machines on identity papers: TD1, TD2, TD3 and visas, found among words and proven by check digits.

Source: ICAO Doc 9303 parts 3 to 7. A digit that an engine took for a letter, or the other way round, is put right where
a position allows only one of them, and only a line whose check digits then hold is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from models.values import Box, Page, Statement

WEIGHTS = (7, 3, 1)
_FILLERS = str.maketrans({"«": "<", "‹": "<", "〈": "<", "＜": "<", "＞": "<", "»": "<", "›": "<", "く": "<"})
_LINE = re.compile(r"[A-Z0-9<]{28,46}")
_TO_DIGITS = str.maketrans("OQDILZSBG", "000112586")
_TO_LETTERS = str.maketrans("0125868", "OIZSBGB")


@dataclass(frozen=True)
class Layout:
    """Where the parts stand: (line, first, last) from 0, ends excluded; each checked part with its digit's place."""

    lines: int
    width: int
    number: tuple[int, int, int]
    nationality: tuple[int, int, int]
    born: tuple[int, int, int]
    sex: tuple[int, int, int]
    expires: tuple[int, int, int]
    names: tuple[int, int, int]
    composite: tuple[tuple[int, int, int], ...] = ()  # parts under the last check digit
    last_digit: tuple[int, int] = (0, 0)


TD1 = Layout(
    3, 30, (0, 5, 14), (1, 15, 18), (1, 0, 6), (1, 7, 8), (1, 8, 14), (2, 0, 30),
    ((0, 5, 30), (1, 0, 7), (1, 8, 15), (1, 18, 29)), (1, 29),
)  # fmt: skip
TD2 = Layout(
    2, 36, (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (0, 5, 36),
    ((1, 0, 10), (1, 13, 20), (1, 21, 35)), (1, 35),
)  # fmt: skip
TD3 = Layout(
    2, 44, (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (0, 5, 44),
    ((1, 0, 10), (1, 13, 20), (1, 21, 43)), (1, 43),
)  # fmt: skip
MRV_A = Layout(2, 44, (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (0, 5, 44))
MRV_B = Layout(2, 36, (1, 0, 9), (1, 10, 13), (1, 13, 19), (1, 20, 21), (1, 21, 27), (0, 5, 36))


@dataclass(frozen=True)
class Zone:
    """What the lines say, all check digits proven; days are ISO 8601."""

    form: str  # TD1, TD2, TD3, MRV-A, MRV-B
    kind: str  # the code of the document: P, ID, V ...
    issuer: str
    number: str
    surname: str
    given_names: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    personal_number: str = ""


def check_digit(text: str) -> str:
    """The check digit of Doc 9303 part 3: weights 7, 3, 1, letters from 10, fillers 0, modulo 10."""
    return str(sum(_worth(sign) * WEIGHTS[n % 3] for n, sign in enumerate(text)) % 10)


def _worth(sign: str) -> int:
    return 0 if sign == "<" else int(sign, 36)


def read_zone(lines: Sequence[str], today: date | None = None) -> Zone | None:
    """The zone in two or three lines of signs; None if their lengths, signs or check digits do not fit.

    `today` decides the century of a birth: nobody was born after it. Without it the 2000s end with 30.
    """
    for form, layout in _forms(lines):
        zone = _read(form, layout, lines, today)
        if zone is not None:
            return zone
    return None


def _forms(lines: Sequence[str]) -> Iterator[tuple[str, Layout]]:
    if not lines:
        return
    is_visa = lines[0].startswith("V")
    forms = {"TD1": TD1, "TD2": TD2, "TD3": TD3, "MRV-A": MRV_A, "MRV-B": MRV_B}
    for form, layout in sorted(forms.items(), key=lambda one: abs(one[1].width - len(lines[-1]))):
        if form.startswith("MRV") == is_visa and len(lines) == layout.lines:
            yield form, layout


def _read(form: str, layout: Layout, lines: Sequence[str], today: date | None) -> Zone | None:
    fitted = [fit for line in lines if (fit := _fit(line, layout.width)) is not None]
    if len(fitted) < layout.lines:
        return None

    def part(place: tuple[int, int, int]) -> str:
        return fitted[place[0]][place[1] : place[2]]

    for place in (layout.born, layout.expires):  # and the check digit behind: digits alone may stand there
        fitted[place[0]] = _as_digits(fitted[place[0]], place[1], place[2] + 1)
        if check_digit(part(place)) != fitted[place[0]][place[2]]:
            return None
    born, expires = part(layout.born), part(layout.expires)
    number, has_long_number = _number(form, fitted, layout)
    if not number or not _whole_holds(fitted, layout):
        return None
    days = _birth(born, today), _expiry(expires, today)
    if not all(days):
        return None
    surname, _, given = part(layout.names).translate(_TO_LETTERS).rstrip("<").partition("<<")
    return Zone(
        form, fitted[0][:2].rstrip("<"), fitted[0][2:5].translate(_TO_LETTERS).rstrip("<"), number,
        _spaced(surname), _spaced(given), part(layout.nationality).translate(_TO_LETTERS).rstrip("<"),
        days[0], {"M": "M", "F": "F"}.get(part(layout.sex), "X"), days[1],
        personal_number=_optional(form, fitted) if not has_long_number else "",
    )  # fmt: skip


def _as_digits(line: str, first: int, last: int) -> str:
    return line[:first] + line[first:last].translate(_TO_DIGITS) + line[last:]


def _fit(line: str, width: int) -> str | None:
    """A line of the wanted width: engines drop and add fillers at the end of a long run of them."""
    if len(line) == width:
        return line
    run = line.rstrip("<")
    if len(run) < len(line) and len(run) <= width:
        return run.ljust(width, "<")
    return _mended(line, width)


def _mended(line: str, width: int) -> str | None:
    """Fillers missing or too many in the longest run inside the line, before digits that close it."""
    runs = sorted(re.finditer("<{3,}", line), key=lambda m: -len(m.group()))
    if not runs or abs(len(line) - width) > 6:
        return None
    m = runs[0]
    length = len(m.group()) + width - len(line)
    return line[: m.start()] + "<" * length + line[m.end() :] if length >= 1 else None


def _number(form: str, lines: list[str], layout: Layout) -> tuple[str, bool]:
    """The number of the document, put right in `lines` too, and whether it goes on in the optional part of a TD1."""
    row, first, last = layout.number
    number, digit = lines[row][first:last], lines[row][last]
    if form == "TD1" and digit == "<":
        more = lines[0][15:30].rstrip("<")
        if len(more) < 2 or check_digit(number + more[:-1]) != more[-1]:
            return "", True
        return (number + more[:-1]).rstrip("<"), True
    digit = digit.translate(_TO_DIGITS)
    found = next((text for text in (number, *_variants(number)) if check_digit(text) == digit), "")
    if found:
        lines[row] = lines[row][:first] + found + digit + lines[row][last + 1 :]
    return found.rstrip("<"), False


def _variants(number: str) -> Iterator[str]:
    """The number with one O for 0, or 0 for O: both may stand there, and the check digit decides."""
    for n, sign in enumerate(number):
        for other in {"O": "0", "0": "O", "I": "1", "1": "I"}.get(sign, ""):
            yield number[:n] + other + number[n + 1 :]


def _whole_holds(lines: Sequence[str], layout: Layout) -> bool:
    if not layout.composite:
        return True
    whole = "".join(lines[row][first:last] for row, first, last in layout.composite)
    row, place = layout.last_digit
    return check_digit(whole) == lines[row][place].translate(_TO_DIGITS)


def _optional(form: str, lines: Sequence[str]) -> str:
    if form == "TD3":
        return lines[1][28:42].rstrip("<")
    return lines[0][15:30].rstrip("<") if form == "TD1" else ""


def _spaced(name: str) -> str:
    return " ".join(part for part in name.split("<") if part)


def _day(text: str, century: int) -> str:
    try:
        return date(century + int(text[:2]), int(text[2:4]), int(text[4:])).isoformat()
    except ValueError:
        return ""


def _birth(text: str, today: date | None) -> str:
    newest = today.isoformat() if today else "2030-12-31"
    recent = _day(text, 2000)
    return recent if recent and recent <= newest else _day(text, 1900)


def _expiry(text: str, today: date | None) -> str:
    """A paper is valid for ten or fifteen years: a year of 70 and later is long past."""
    return _day(text, 1900 if text[:2] >= "70" and (today is None or today.year < 2060) else 2000)


# --- among the words of a page ---


def find_zone(page: Page, today: date | None = None) -> tuple[Zone, Box] | None:
    """The first zone on a page that is proven, and a box around its lines."""
    rows: dict[int, list[int]] = {}
    for index, word in enumerate(page.words):
        rows.setdefault(word.line, []).append(index)
    lines = []
    for words in rows.values():
        text = "".join(page.words[w].text for w in words).translate(_FILLERS).upper()
        text = re.sub(r"[^A-Z0-9<]", "", text)
        if _LINE.fullmatch(text) and ("<" in text):
            lines.append((text, Box.union(page.words[w].box for w in words)))
    for count in (3, 2):
        for first in range(len(lines) - count + 1):
            taken = lines[first : first + count]
            zone = read_zone([text for text, _ in taken], today)
            if zone is not None:
                return zone, Box.union(box for _, box in taken)
    return None


def statements_of_zones(pages: Iterable[Page], today: date | None = None) -> tuple[Statement, ...]:
    """What the first zone on the pages states, in the terms of the type `identity_document`."""
    for page in pages:
        found = find_zone(page, today)
        if found is not None:
            zone, box = found
            terms = {
                "document_type": "identity_document",
                "document_number": zone.number,
                "surname": zone.surname,
                "given_names": zone.given_names,
                "issuing_state": zone.issuer,
                "nationality": zone.nationality,
                "birth_date": zone.birth_date,
                "sex": zone.sex,
                "expiry_date": zone.expiry_date,
                "personal_number": zone.personal_number,
            }
            return tuple(
                Statement("mrz", term, value, origin=f"{zone.form} lines", page=page.number, box=box)
                for term, value in terms.items()
                if value
            )
    return ()
