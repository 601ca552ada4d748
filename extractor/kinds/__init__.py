"""Kinds of values: how each is parsed, normalised, compared and checked. `same` is the one equality of the project."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from extractor.kinds import address, checkbox, choice, date, identifier, line, money, name, table
from extractor.kinds.rules import AmbiguousValue, Canonical, KindRules, Locale
from models.doctype import DocumentType, FieldSpec, Kind

KINDS: dict[Kind, KindRules] = {
    Kind.DATE: date.RULES,
    Kind.MONEY: money.RULES,
    Kind.IDENTIFIER: identifier.RULES,
    Kind.NAME: name.RULES,
    Kind.ADDRESS: address.RULES,
    Kind.LINE: line.RULES,
    Kind.CHOICE: choice.RULES,
    Kind.CHECKBOX: checkbox.RULES,
    Kind.TABLE: table.RULES,
}


def locale_of(doctype: DocumentType | None, field: FieldSpec | None = None) -> Locale:
    """How `doctype` writes dates and numbers, with the choices and columns of `field`."""
    if doctype is None:
        return Locale() if field is None else of_field(Locale(), field)
    is_known = not doctype.mixed_locales
    usual = Locale(
        doctype.date_order, doctype.decimal_mark, doctype.currency, knows_order=is_known, knows_mark=is_known
    )
    return usual if field is None else of_field(usual, field)


def of_field(locale: Locale, field: FieldSpec | None) -> Locale:
    """`locale` with what a field adds: its choices, and the kinds of its columns."""
    if field is None:
        return locale
    return replace(locale, choices=field.choices, columns=tuple(column.kind for column in field.columns))


def readings(kind: Kind, text: str, locale: Locale) -> tuple[Canonical, ...]:
    """Every value that `text`, as printed or typed, may mean: none, one, or several where nothing decides.

    A value in the project's form means itself, whatever the locale.
    """
    if isinstance(text, Canonical):
        return (text,)
    rules = KINDS[kind]
    if rules.readings is not None:
        return tuple(Canonical(value) for value in rules.readings(text, locale))
    value = rules.normalise(text, locale)
    return () if value is None else (Canonical(value),)


def normalise(
    kind: Kind, text: str, doctype: DocumentType | None = None, field: FieldSpec | None = None
) -> Canonical | None:
    """`text` in the project's form for `kind`, the usual one if it may mean several; None if it cannot be parsed."""
    return next(iter(readings(kind, text, locale_of(doctype, field))), None)


def label_value(kind: Kind, text: str, doctype: DocumentType | None, field: FieldSpec) -> Canonical:
    """A label of a manifest in the project's form; what cannot be parsed stays as it is, and nothing equals it.

    Manifests write amounts with a point and days as ISO dates, or as the type does where its mark is a comma. Raises
    AmbiguousValue where the two are not the same.
    """
    locale = locale_of(doctype, field)
    meant = [readings(kind, text, replace(locale, decimal_mark=mark, knows_mark=True)) for mark in (".", ",")]
    usual, other = (meant[0][:1], meant[1][:1]) if locale.decimal_mark == "." else (meant[1][:1], meant[0][:1])
    if locale.decimal_mark == "," and usual != other:
        raise AmbiguousValue(text, [*usual, *other])
    return next(iter(usual), Canonical(text))


def canonical(value: Any) -> Any:
    """A stored value or list of values, which are in the project's form."""
    return [Canonical(one) for one in value] if isinstance(value, list) else Canonical(value) if value else value


def key(kind: Kind, value: str | list[str] | None) -> str:
    """A canonical text: `same(kind, a, b)` exactly if `key(kind, a) == key(kind, b)`. No value has the empty key."""
    if value is None:
        return ""
    if isinstance(value, str):
        return KINDS[kind].key(value)
    return json.dumps(sorted(KINDS[kind].key(item) for item in value))


def same(kind: Kind, a: str | list[str] | None, b: str | list[str] | None) -> bool:
    """Whether two normalised values are equal: lists as multisets, no value only equals no value."""
    return key(kind, a) == key(kind, b)


def valid(kind: Kind, value: str) -> bool:
    """Whether a normalised value is a possible value of its kind."""
    return KINDS[kind].valid(value)


__all__ = [
    "KINDS",
    "AmbiguousValue",
    "Canonical",
    "KindRules",
    "Locale",
    "canonical",
    "key",
    "label_value",
    "locale_of",
    "normalise",
    "of_field",
    "readings",
    "same",
    "valid",
]  # fmt: skip
