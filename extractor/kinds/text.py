"""Text as it is compared: folding, squeezing, compact keys, and the repair of letters and digits that engines swap."""

from __future__ import annotations

import re
import unicodedata

_TO_DIGIT = str.maketrans("OoIlSDBZ", "00115082")
_TO_LETTER = str.maketrans("0158", "OISB")
_NOT_ALNUM = {n: None for n in range(128) if not chr(n).isalnum()}
_ALNUM = re.compile(r"[A-Za-z0-9]+")
_FALSE_L = re.compile(r"(?<=[A-Za-z])(?<!Mc)(?<!Mac)[I1](?=[a-z])|(?<=[a-z])I(?![A-Z])")
_FALSE_I = re.compile(r"(?<=[A-Za-z])!(?=[A-Za-z])")
_FALSE_0 = re.compile(r"(?<=\d\d)[Oo](?![A-Za-z])")
_MOSTLY_DIGITS = re.compile(r"\d+[OoIl]\d*|\d{3,}D\d*|[Oo]\d+")


def squeeze(text: str) -> str:
    """One line, single spaces."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """Compatibility forms and accents folded away: fullwidth to ASCII, é to e."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def compact(text: str) -> str:
    """Upper case, no accents, spaces or punctuation. Text that has no letter or digit at all keeps its signs."""
    folded = fold(text).upper()
    if folded.isascii():
        return folded.translate(_NOT_ALNUM) or "".join(folded.split())
    return "".join(c for c in folded if c.isalnum()) or "".join(folded.split())


def _repair_run(match: re.Match[str]) -> str:
    run = match.group()
    letters = sum(c.isalpha() for c in run)
    digits = len(run) - letters
    if not letters or not digits:
        return run
    if digits >= 2 and letters == 1 and len(run) >= 3 and _MOSTLY_DIGITS.fullmatch(run):
        return run.translate(_TO_DIGIT)
    if letters >= 3 and digits == 1 and not run[-1].isdigit():
        return run.translate(_TO_LETTER)
    if len(run) > 3 and digits == 1 and run[-1] == "1" and run[-2].islower():
        return run[:-1] + "l"
    return run


def repair(text: str) -> str:
    """Folded text in which single swaps inside a token are undone: 1O0 becomes 100, NO29O NO290, JIn and J1n Jln."""
    return _FALSE_0.sub("0", _FALSE_L.sub("l", _ALNUM.sub(_repair_run, _FALSE_I.sub("I", fold(text)))))
