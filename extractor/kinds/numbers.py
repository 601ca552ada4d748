"""Numbers as the world prints them: digits of any script, groups of three or of lakhs, point or comma, all dashes.

One mark with three digits behind it is the only spelling that has two meanings; which one is the caller's to decide.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u2796"
_APOSTROPHES = (
    "\u2019\u2018\u02bc\u00b4`\u2032\uff07\u066c\u05f3\u060c\u2e41"  # the last three part thousands in Arabic script
)
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
PLANES = 0x20000  # of Unicode: no digit and no sign of a currency stands beyond the first two
_DIGITS = {n: str(unicodedata.decimal(chr(n))) for n in range(128, PLANES) if chr(n).isdecimal()}
_ALIKE = _DIGITS | {ord(c): "-" for c in _DASHES} | {ord(c): "'" for c in _APOSTROPHES} | {ord(c): " " for c in _SPACES}
_ALIKE |= {ord("\u066b"): ",", ord("\uff0c"): ",", ord("\uff0e"): ".", ord("\uff08"): "(", ord("\uff09"): ")"}
UNSEEN = dict.fromkeys([0x200B, 0x200E, 0x200F, 0x061C, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])

_WESTERN = re.compile(r"\d{1,3}(?:(?P<mark>[., '])\d{3})(?:(?P=mark)\d{3})*")
_LAKHS = re.compile(r"\d{1,2}(?P<mark>[, ])(?:\d{2}(?P=mark))+\d{3}")


class Parts(NamedTuple):
    """One meaning of a number: its digits before and behind the decimal mark, and that mark."""

    whole: str
    decimals: str
    mark: str = ""


def alike(text: str) -> str:
    """`text` with one digit, dash, apostrophe and blank for all that look like it; every character keeps its place."""
    return text if text.isascii() else text.translate(_ALIKE)


def meanings(number: str) -> tuple[Parts, ...]:
    """What `number` may mean (digits, `.`, `,`, `'` and blanks): none, one, or with and without decimals."""
    found = []
    whole, mark, decimals = _parted(number)
    if mark and decimals.isdigit() and (not whole or _is_whole(whole, mark)):
        found.append(Parts(_digits(whole) or "0", decimals, mark))
    if number.isdigit() or (_is_grouped(number) and not number.startswith("0")):
        found.append(Parts(_digits(number), ""))
    return tuple(found)


def _parted(number: str) -> tuple[str, str, str]:
    last = max(number.rfind("."), number.rfind(","))
    return (number, "", "") if last < 0 else (number[:last], number[last], number[last + 1 :])


def _is_whole(whole: str, mark: str) -> bool:
    return whole.isdigit() or (mark not in whole and _is_grouped(whole))


def _is_grouped(number: str) -> bool:
    return bool(_WESTERN.fullmatch(number) or _LAKHS.fullmatch(number))


def _digits(number: str) -> str:
    return "".join(c for c in number if c.isdigit())
