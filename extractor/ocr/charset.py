"""Which characters a page may hold: Latin letters, figures, signs and currencies always, others where it shows them."""

from __future__ import annotations

import unicodedata
from functools import cache

LATIN = "LATIN"
SIGNS = ("N", "P", "S", "Z")  # Unicode categories that belong to no script: figures, punctuation, signs, blanks
USUAL = (  # code points of Latin letters and of signs that stand among them
    (0x20, 0x24F),  # ASCII, Latin-1, Latin Extended
    (0x1E00, 0x1EFF),  # more Latin letters with marks
    (0x2010, 0x203A),  # dashes, quotes, bullets
    (0x20A0, 0x20CF),  # currencies
    (0x2100, 0x215F),  # No., TM, fractions
    (0x2190, 0x2193),  # arrows
    (0x25A0, 0x25CF),  # squares and circles
    (0x2610, 0x2612),  # boxes to tick
    (0x2713, 0x2718),  # ticks
)


@cache
def script_of(character: str) -> str:
    """The script of a character by its Unicode name (LATIN, CYRILLIC, CJK ...); empty for signs, which have none."""
    if unicodedata.category(character[0])[0] in SIGNS:
        return ""
    return unicodedata.name(character[0], "").split(" ")[0].split("-")[0]


@cache
def is_latin(character: str) -> bool:
    """Whether a page in Latin letters may hold it."""
    return script_of(character) in ("", LATIN) and any(a <= ord(character[0]) <= b for a, b in USUAL)
