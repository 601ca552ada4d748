"""Amounts: found in running text, with their signs and all their decimals, compared as decimals.

A minus may stand before or behind the number or its currency, or brackets around it; CR makes it a credit, DR does not.
An amount has at least the decimals of its currency, and never fewer than are printed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from extractor.kinds import currency
from extractor.kinds.date import Span
from extractor.kinds.numbers import UNSEEN, Parts, alike, meanings
from extractor.kinds.rules import KindRules, Locale
from extractor.kinds.text import compact

_PLAIN = r"\d(?:[\d.,']*\d)?|[.,]\d{1,2}(?!\d)"
_SPACED = r"\d{1,3}(?: \d{3})+(?:[.,]\d{1,2})?"
_TYPED = re.compile(r"[.,]?\d(?:[\d., ']*\d)?")
_WORD = re.compile(r"[^\W\d_]+[.']?(?=[^\W\d_]*)")
_CREDIT, _DEBIT = re.compile(r"(?<![^\W\d_])CR(?![^\W\d_])", re.IGNORECASE), "DR"
_NO_CENTS = re.compile(r"(?<=\d)[.,] ?-{1,2}(?!\d)")  # 25.- and 25,-- are 25


@functools.lru_cache(maxsize=64)
def _pattern(number: str, own: str) -> re.Pattern[str]:
    sign = currency.pattern() if not own else rf"(?:{currency.pattern()}|(?<![A-Za-z]){re.escape(own)}(?![A-Za-z]))"
    return re.compile(
        rf"(?:(?<![\w.,/'\-])|(?={sign} ?-?\d))(?P<open>\()?"
        rf"(?P<before>(?:(?<=\t)|^)- |-(?=\S))?(?P<pre>{sign} ?){{0,2}}(?P<inner>- ?)?"
        rf"(?P<n>{number})(?:(?P<none>[.,]-{{1,2}})(?!\d)|(?P<behind>-)(?![\w]))?"
        rf"(?![\d/:%]|[.,\-']\d)(?P<post> ?{sign})?(?P<last>-(?!\w))?(?(open)\))"
        r"(?P<side> ?(?:CR|DR)(?![A-Za-z]))?"
    )


def find(text: str, locale: Locale) -> list[Span]:
    """Every amount in `text`: with a currency, a mark of thousands or decimals. Bare whole numbers are none.

    1 234.56 may also be a 1 and 234.56: both are offered.
    """
    text, spans = alike(text), []
    for number in (_PLAIN, _SPACED):
        for m in _pattern(number, locale.currency).finditer(text):
            is_marked = m["pre"] or m["post"] or m["none"] or not m["n"].replace(" ", "").isdigit()
            found = _readings(m["n"], m["pre"] or m["post"], _is_negative(m), locale) if is_marked else ()
            if found:
                spans.append(Span(m.start(), m.end(), found[0]))
    return spans


def _is_negative(m: re.Match[str]) -> bool:
    minus = m["before"] or m["inner"] or m["behind"] or m["last"] or m["open"]
    return bool(minus) or (m["side"] or "").strip() == "CR"


def readings(text: str, locale: Locale) -> tuple[str, ...]:
    """The values that `text` as a whole may mean, the usual one first; none if it does not hold exactly one number."""
    plain = _NO_CENTS.sub("", alike(text.translate(UNSEEN)))
    bare = _WORD.sub(" ", plain)
    numbers = _TYPED.findall(bare)
    if len(numbers) != 1:
        return ()
    around = bare.replace(numbers[0], "", 1)
    negative = "-" in around or ("(" in around and ")" in around) or bool(_CREDIT.search(plain))
    printed = re.search(currency.pattern(), plain)
    return _readings(numbers[0], printed[0] if printed else None, negative, locale)


def _readings(number: str, printed: str | None, negative: bool, locale: Locale) -> tuple[str, ...]:
    code = currency.code_of(printed) or locale.currency
    ranked = _ranked(meanings(number.strip()), locale, code)
    least = 0 if locale.is_precise else currency.decimals_of(code)
    return tuple(dict.fromkeys(_written(parts, least, negative) for parts in ranked))


def _ranked(found: Sequence[Parts], locale: Locale, code: str) -> Sequence[Parts]:
    """Which meanings are left of 1.234: the mark of the document decides, and how many decimals its currency has."""
    if len(found) < 2:
        return found
    decimal, grouped = found
    places = currency.decimals_of(code)
    is_usual = decimal.mark == locale.decimal_mark
    if locale.is_precise or places == len(decimal.decimals):
        ranked = (decimal, grouped) if is_usual else (grouped, decimal)
        return ranked[:1] if locale.knows_mark else ranked
    if not is_usual or places == 0 or (code and not locale.knows_mark):
        return (grouped,)  # no amount of a currency of two decimals has three, so the mark groups: only a mark that is
        # known to be the decimal one speaks against that
    return (decimal, grouped)


def _written(parts: Parts, least: int, negative: bool) -> str:
    whole, decimals = parts.whole.lstrip("0") or "0", parts.decimals.ljust(least, "0")
    minus = "-" if negative and (whole + decimals).strip("0") else ""
    return f"{minus}{whole}.{decimals}" if decimals else f"{minus}{whole}"


def normalise(text: str, locale: Locale) -> str | None:
    """The one number in `text`, with its sign."""
    return next(iter(readings(text, locale)), None)


def key(value: str) -> str:
    try:
        return f"{Decimal(value.replace(',', '')).normalize():f}"
    except InvalidOperation:
        return compact(value)


def valid(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


RULES = KindRules(normalise, key, valid, readings)
