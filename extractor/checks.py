"""Field validators and cross-field checks: pure functions on normalised values, named in the TOML files by their key.

A validator looks at one value, a check at several. Each answers True (holds), False (fails) or None (cannot tell: a
value is missing or not of the form it expects). A failed one never changes a value; it lowers the confidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from extractor.kinds.text import compact
from models.doctype import DocumentType

Validator = Callable[[str, date | None], bool | None]
CrossCheck = Callable[[Sequence[str | None]], bool | None]

TOLERANCE = Decimal("0.02")  # rounding of tax per line adds up to a cent or two


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that the values of a document break."""

    rule: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"check {self.rule!r} fails for {', '.join(self.fields)}"


def find_failures(
    values: Mapping[str, str | list[str] | None], spec: DocumentType, today: date | None = None
) -> tuple[Failure, ...]:
    """Every validator and check of `spec` that `values` (normalised, by field name) break, in the order of the file."""
    failed = [
        Failure(name, (field.name,))
        for field in spec.fields
        for name in field.validators
        if any(VALIDATORS[name](value, today) is False for value in _as_list(values.get(field.name)))
    ]
    failed += [
        Failure(check.kind, check.fields)
        for check in spec.checks
        if CHECKS[check.kind]([_single(values.get(name)) for name in check.fields]) is False
    ]
    return tuple(failed)


def held_fields(values: Mapping[str, str | list[str] | None], spec: DocumentType) -> frozenset[str]:
    """The fields that stand in a check over several values which holds."""
    return frozenset(
        name
        for check in spec.checks
        if CHECKS[check.kind]([_single(values.get(name)) for name in check.fields])
        for name in check.fields
    )


def unknown_names(spec: DocumentType) -> list[str]:
    """Names of validators and checks in `spec` that do not exist here."""
    used = [name for field in spec.fields for name in field.validators if name not in VALIDATORS]
    return used + [check.kind for check in spec.checks if check.kind not in CHECKS]


def _as_list(value: str | list[str] | None) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _single(value: str | list[str] | None) -> str | None:
    return value if isinstance(value, str) else None


def _date(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None


def _decimal(value: str | None) -> Decimal | None:
    try:
        return Decimal(value) if value else None
    except InvalidOperation:
        return None


def not_in_future(value: str, today: date | None) -> bool | None:
    """The date is not after `today`."""
    day = _date(value)
    return None if day is None or today is None else day <= today


def not_negative(value: str, _today: date | None) -> bool | None:
    """The amount is zero or more."""
    amount = _decimal(value)
    return None if amount is None else amount >= 0


def iban(value: str, _today: date | None) -> bool | None:
    """The two check digits of an IBAN are right (ISO 13616, modulo 97)."""
    text = re.sub(r"\s", "", value).upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def luhn(value: str, _today: date | None) -> bool | None:
    """The last digit is the Luhn check digit of the others (card numbers, many national numbers)."""
    digits = [int(c) for c in reversed(re.sub(r"\D", "", value))]
    if len(digits) < 2:
        return None
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


def has_digit(value: str, _today: date | None) -> bool | None:
    """At least one digit stands in the value."""
    return any(c.isdigit() for c in value)


def order(values: Sequence[str | None]) -> bool | None:
    """The dates do not go back in time, in the order in which the fields are named."""
    days = [day for value in values if (day := _date(value)) is not None]
    return None if len(days) < 2 else all(a <= b for a, b in pairwise(days))


def amounts_add_up(values: Sequence[str | None]) -> bool | None:
    """The last amount is the sum of those before it, within two cents."""
    amounts = [_decimal(value) for value in values]
    if len(amounts) < 2 or any(amount is None for amount in amounts):
        return None
    known = [amount for amount in amounts if amount is not None]
    return abs(sum(known[:-1]) - known[-1]) <= TOLERANCE


def not_more_than(values: Sequence[str | None]) -> bool | None:
    """The first amount is not larger than the second: tax and total, paid and due."""
    first, second = (_decimal(value) for value in values[:2])
    return None if first is None or second is None else first <= second


def different(values: Sequence[str | None]) -> bool | None:
    """No two of the values are the same: who sells does not buy."""
    known = [compact(value) for value in values if value]
    return None if len(known) < 2 else len(set(known)) == len(known)


VALIDATORS: dict[str, Validator] = {
    "not_in_future": not_in_future,
    "not_negative": not_negative,
    "iban": iban,
    "luhn": luhn,
    "has_digit": has_digit,
}

CHECKS: dict[str, CrossCheck] = {
    "order": order,
    "sum": amounts_add_up,
    "not_more_than": not_more_than,
    "different": different,
}
