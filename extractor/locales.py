"""How one document writes dates and numbers, inferred from its own words: one pure function.

Evidence, in this order. What the page itself shows: days that only one order allows, amounts that only one mark allows,
names of months. Then the countries that it names: tax and bank numbers, telephone codes, country names, currency codes.
CLDR says how a country writes. What is not decided so stays the usual of the type, and is marked as not known.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from babel import Locale as Cldr
from babel import localedata
from babel.core import get_global
from babel.languages import get_official_languages
from babel.numbers import get_currency_symbol

from extractor.checks import iban
from extractor.kinds import Locale, calendar, currency, locale_of
from extractor.kinds.numbers import alike
from models.doctype import DocumentType

_AMOUNT = re.compile(r"(?<![\d.,'/])\d{1,3}(?:[., ']?\d{2,3})*[.,]\d\d(?![\d.,%/])")
_DAY = re.compile(r"(?<![\d/.\-])(\d{1,2})[/\-](\d{1,2})[/\-](?:\d{4}|\d\d)(?![\d/.\-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}(?!\w)")
_VAT = re.compile(r"(?<!\w)(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|CHE)")
_VAT_NUMBER = re.compile(_VAT.pattern + r"[ \-]?[A-Z]?\d[\d. ]{6,12}[A-Z\d]{0,3}(?!\w)")
_PHONE = re.compile(r"(?<![\w+])\+(\d{1,3})[ (\-.\d]")
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_DOLLAR = re.compile(r"(?<![A-Z])\$ ?\d|US\$")
_HOST = re.compile(r"(?:@|www\.)[\w.\-]+\.([a-z]{2})(?![\w.])", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"(?<![^\W\d_])([^\W\d_]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?, ?\d{4}")

# Names of tax numbers, by country: what CLDR does not have.
TAX_WORDS: dict[str, str] = {
    "ABN": "AU", "ACN": "AU", "GSTIN": "IN", "SIRET": "FR", "SIREN": "FR", "P.IVA": "IT", "KVK": "NL", "CVR": "DK",
    "EIN": "US", "UEN": "SG", "NZBN": "NZ", "CNPJ": "BR", "RFC": "MX", "CUIT": "AR", "NIP": "PL", "MWST-NR": "CH",
    "SALES TAX": "US", "SDN BHD": "MY", "PTY LTD": "AU",
}  # fmt: skip
PHONE_CODES: dict[str, str] = {
    "1": "", "7": "RU", "20": "EG", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR", "34": "ES", "36": "HU",
    "39": "IT", "40": "RO", "41": "CH", "43": "AT", "44": "GB", "45": "DK", "46": "SE", "47": "NO", "48": "PL",
    "49": "DE", "52": "MX", "54": "AR", "55": "BR", "56": "CL", "57": "CO", "60": "MY", "61": "AU", "62": "ID",
    "63": "PH", "64": "NZ", "65": "SG", "66": "TH", "81": "JP", "82": "KR", "84": "VN", "86": "CN", "90": "TR",
    "91": "IN", "92": "PK", "94": "LK", "351": "PT", "352": "LU", "353": "IE", "354": "IS", "358": "FI", "359": "BG",
    "370": "LT", "371": "LV", "372": "EE", "380": "UA", "385": "HR", "386": "SI", "420": "CZ", "421": "SK",
    "852": "HK", "886": "TW", "965": "KW", "966": "SA", "971": "AE", "972": "IL", "973": "BH", "974": "QA",
}  # fmt: skip
VAT_PREFIXES = {"EL": "GR", "CHE": "CH"}
STATES = (  # before a postal code of five digits
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|IA|ID|IL|IN|KS|KY|LA|MA|MD|ME|MI|MN|MO|MS|MT|NC|ND|NE|NH|NJ|NM|NV|NY|OH|OK|OR|PA|"
    "RI|SC|SD|TN|TX|UT|VA|VT|WA|WI|WV|WY"
)
_AMERICAN = re.compile(rf"(?<![A-Za-z])(?:{STATES}),? \d{{5}}(?:-\d{{4}})?(?!\d)")


def infer_locale(text: str, doctype: DocumentType) -> Locale:
    """The locale of a document with the words `text`: of its type, unless that is for several countries."""
    usual = locale_of(doctype)
    if not doctype.mixed_locales or not text:
        return usual
    text = alike(text)
    lands = countries(text)
    order, mark = _order(text, lands), _mark(text, lands)
    return replace(
        usual,
        date_order=order or ("MDY" if _DOLLAR.search(text) else usual.date_order),  # a guess: doubtful, not known
        decimal_mark=mark or usual.decimal_mark,
        currency=usual.currency or _currency(text, lands),
        languages=_languages(text),
        knows_order=bool(order),
        knows_mark=bool(mark),
    )


def countries(text: str) -> Counter[str]:
    """The countries that a text names, each by how many kinds of evidence."""
    found: Counter[str] = Counter()
    for evidence in (_of_numbers, _of_words, _of_names, _of_currencies):
        found.update({*evidence(text)} - {""})
    return found


def _of_numbers(text: str) -> Iterator[str]:
    for m in _IBAN.finditer(text):
        if iban(m[0], None):
            yield m[0][:2]
    for m in _VAT_NUMBER.finditer(text):
        yield VAT_PREFIXES.get(m[1], m[1])
    for m in _PHONE.finditer(text):
        yield next((PHONE_CODES[m[1][:n]] for n in (3, 2, 1) if m[1][:n] in PHONE_CODES), "")


def _of_words(text: str) -> Iterator[str]:
    upper = text.upper()
    for word, country in TAX_WORDS.items():
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", upper):
            yield country
    if _AMERICAN.search(text):
        yield "US"
    yield from (m[1].upper() for m in _HOST.finditer(text) if m[1].upper() in _tenders())


def _of_names(text: str) -> Iterator[str]:
    for m in _names()[1].finditer(text):
        yield _names()[0][m[0].casefold()]
    if re.search(r"(?<!\w)U\.?S\.?A\.?(?!\w)", text):
        yield "US"


def _of_currencies(text: str) -> Iterator[str]:
    """A currency code says its country where only one has it as its own: AUD, not EUR."""
    for code in {m[0] for m in _CODE.finditer(text)} & {*currency.codes()}:
        if code[:2] in _tenders():
            yield code[:2]


@functools.cache
def _tenders() -> dict[str, str]:
    """Country -> its currency today."""
    rows = get_global("territory_currencies").items()
    current = {land: [code for code, _, until, tender in of if until is None and tender] for land, of in rows}
    return {land: codes[0] for land, codes in current.items() if codes and len(land) == 2}


@functools.cache
def _names() -> tuple[dict[str, str], re.Pattern[str]]:
    """The names of countries in English and in their own languages."""
    found: dict[str, str] = {}
    for code in calendar.languages():
        for land, name in Cldr.parse(code).territories.items():
            is_own = code == calendar.ENGLISH or code in get_official_languages(land)
            if len(land) == 2 and land.isalpha() and is_own and len(name) > 3:
                found.setdefault(name.casefold(), land)
    names = "|".join(re.escape(name) for name in sorted(found, key=len, reverse=True))
    return found, re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


@functools.cache
def _habits(land: str) -> tuple[str, str]:
    """(order of numeric dates, decimal mark) of a country, by CLDR; empty where its languages differ."""
    orders, marks = set(), set()
    tags = (f"{language}_{land}" for language in get_official_languages(land, de_facto=True))
    for cldr in (Cldr.parse(tag) for tag in tags if localedata.exists(tag)):
        letters = re.sub(r"[^dMy]", "", cldr.date_formats["short"].pattern)
        orders.add("".join(dict.fromkeys(letters)).upper())
        marks.add(cldr.number_symbols["latn"]["decimal"] if "latn" in cldr.number_symbols else "")
    return (orders.pop() if len(orders) == 1 else "", marks.pop() if len(marks) == 1 else "")


def _order(text: str, lands: Counter[str]) -> str:
    pairs = [(int(a), int(b)) for a, b in _DAY.findall(text)]
    days, months = any(a > 12 >= b for a, b in pairs), any(b > 12 >= a for a, b in pairs)
    if days != months:
        return "DMY" if days else "MDY"
    said = {_habits(land)[0] for land in lands} - {
        "",
        "YMD",
    }  # year, month, day: nothing of the others
    if days or len(said) > 1:
        return ""
    return said.pop() if said else "MDY" if _names_months_first(text) else ""


def _names_months_first(text: str) -> bool:
    """March 4, 2026, on a page that names no country."""
    return any(calendar.months_of(m[1], ["en"]) for m in _MONTH_FIRST.finditer(text))


def _mark(text: str, lands: Counter[str]) -> str:
    votes = Counter(m[0][-3] for m in _AMOUNT.finditer(text))
    if votes["."] != votes[","]:
        return max(votes, key=lambda mark: votes[mark])
    said = {_habits(land)[1] for land in lands} - {""}
    return said.pop() if len(said) == 1 and said <= {".", ","} else ""


def _currency(text: str, lands: Counter[str]) -> str:
    """The one currency whose code or own sign stands on the page; else that of the country, if its sign does."""
    printed = [m[0] for m in re.finditer(currency.pattern(), text)]
    codes = {code for sign in printed if (code := currency.code_of(sign))}
    if len(codes) == 1:
        return codes.pop()
    signs = {sign.strip(" .").casefold() for sign in printed if not currency.code_of(sign)}
    own = {_tenders()[land] for land in lands if land in _tenders() and signs & _signs(land)}
    return own.pop() if len(own) == 1 and not codes else ""


@functools.cache
def _signs(land: str) -> frozenset[str]:
    """How the currency of a country is written in its own languages."""
    tags = (f"{language}_{land}" for language in get_official_languages(land, de_facto=True))
    signs = {get_currency_symbol(_tenders()[land], tag) for tag in tags if localedata.exists(tag)}
    return frozenset(sign.strip(" .").casefold() for sign in signs)


def _languages(text: str) -> frozenset[str]:
    """The languages of the months' names on the page that are of one language only."""
    words = {word for word in re.findall(r"[^\W\d_]{3,}", text) if calendar.plain(word) in calendar.months()}
    alone = [codes for word in words for codes in calendar.months()[calendar.plain(word)].values()]
    shared = frozenset.intersection(*alone) if alone else frozenset()
    return shared if len(shared) <= 3 else frozenset()
