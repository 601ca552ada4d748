"""Names of months in every language that is official somewhere, and the words of their dates, from CLDR."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Collection

from babel import Locale
from babel.core import get_global
from babel.localedata import exists
from rapidfuzz.distance import Levenshtein

from extractor.kinds.numbers import alike
from extractor.kinds.text import fold

_OFFICIAL = frozenset({"official", "de_facto_official"})
_LITERAL = re.compile(r"'([^']*)'|([^\W\d_A-Za-z]+)")
_VOWELS = frozenset("aeiouy")
LEAST_PREFIX, LEAST_MISREAD = 3, 6  # letters of a shortened name, and of a name with one letter misread
RARE = 4  # a name that is another month in four times as many languages is that month
ENGLISH = "en"
ATTACHED = frozenset({"d'", "\u05d1"})  # written together with the month: d'octobre, and the Hebrew be
_PROSE = ("day of", "of", "the", "in the year", "d'")  # English and French words of dates that no pattern of CLDR has


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages that are official somewhere and that CLDR describes."""
    rows = (row for spoken in get_global("territory_languages").values() for row in spoken.items())
    return tuple(sorted({code for code, facts in rows if facts["official_status"] in _OFFICIAL and exists(code)}))


@functools.cache
def months() -> dict[str, dict[int, frozenset[str]]]:
    """Name without accents, case and dots -> the months that it is, each with its languages: lipa is July or June."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for code in languages():
        for widths in Locale.parse(code).months.values():
            for width in ("wide", "abbreviated"):
                for month, name in widths[width].items():
                    if not any(c.isdigit() for c in fold(name)):
                        found[plain(name)][month].add(code)
    return {name: {m: frozenset(codes) for m, codes in of.items()} for name, of in found.items() if len(name) > 1}


@functools.cache
def fillers() -> str:
    """A regular expression for the words that stand between day, month and year in some language: de, del, gada."""
    words = set(_PROSE)
    for code in languages():
        words.add(fold(Locale.parse(code).eras["abbreviated"].get(1, "")).strip(" .").casefold())
        for skeleton in ("yMMMMd", "yMMMd", "MMMMd"):
            pattern = Locale.parse(code).datetime_skeletons.get(skeleton)
            literals = (a or b for a, b in _LITERAL.findall(pattern.pattern if pattern else ""))
            words |= {fold(text).strip(" .").casefold() for text in literals}
    ends = {word: "" if word in ATTACHED else r"(?!\w)" for word in words}
    return "|".join(re.escape(word) + ends[word] for word in sorted(words - {""}, key=len, reverse=True))


def plain(name: str) -> str:
    """A name of a month as the table has it."""
    return fold(alike(name)).casefold().strip(" .'").replace(".", "")


def months_of(word: str, spoken: Collection[str] = ()) -> tuple[int, ...]:
    """The months that `word` may be: a name, the beginning of one, or one misread by a letter; `spoken` decides."""
    name = plain(word)
    exact = months().get(name)
    if exact is None:
        exact = _nearly(name)
    most = max((len(codes) for codes in exact.values()), default=0)
    exact = {month: codes for month, codes in exact.items() if len(codes) * RARE > most}
    by_language = [month for month, codes in exact.items() if codes & {*spoken}]
    return tuple(by_language or exact)


def _consonants(name: str) -> str:
    """Mrz, as some shorten März."""
    return name[:1] + "".join(c for c in name[1:] if c not in _VOWELS)


@functools.lru_cache(maxsize=4096)
def _nearly(name: str) -> dict[int, frozenset[str]]:
    if len(name) < LEAST_PREFIX:
        return {}
    english = {other: of for other, of in months().items() if any(ENGLISH in codes for codes in of.values())}
    begun = [of for other, of in english.items() if other.startswith(name)]
    if not begun and not set(name[1:]) & _VOWELS:
        begun = [of for other, of in months().items() if _consonants(other) == name]
    if not begun and len(name) >= LEAST_MISREAD:
        begun = [of for other, of in months().items() if Levenshtein.distance(other, name, score_cutoff=1) <= 1]
    return {month: codes for of in begun for month, codes in of.items()}
