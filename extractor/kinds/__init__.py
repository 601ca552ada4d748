"""Kinds of values: how each is parsed, normalised, compared and checked. `same` is the one equality of the project."""

from __future__ import annotations

import json

from extractor.kinds import address, checkbox, choice, date, identifier, line, money, name, table
from extractor.kinds.rules import KindRules, Locale
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
    """How `doctype` writes dates and numbers, with the choices of `field`."""
    if doctype is None:
        return Locale()
    choices = field.choices if field else ()
    return Locale(doctype.date_order, doctype.decimal_mark, doctype.currency, choices)


def normalise(kind: Kind, text: str, doctype: DocumentType | None = None, field: FieldSpec | None = None) -> str | None:
    """`text` in the project's form for `kind`, or None if it cannot be parsed as one."""
    return KINDS[kind].normalise(text, locale_of(doctype, field))


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


__all__ = ["KINDS", "KindRules", "Locale", "key", "locale_of", "normalise", "same", "valid"]
