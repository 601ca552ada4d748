"""What an e-invoice says, whatever its syntax: the terms of EN 16931 that a printed invoice also carries.

Values are in the project's form: days as ISO 8601, amounts as decimal strings with a point. An empty text or None is
what the file does not say. Names list every way in which the file calls a party: its own first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class InvoiceLine:
    """One line billed. `more` is the longer text that some files give beside the name of the goods."""

    description: str
    more: str = ""
    quantity: str = ""
    unit_price: str = ""  # before discounts of the line, for `per` units
    net_price: str = ""  # after them
    per: str = "1"
    unit: str = ""
    amount: str = ""
    counts: bool = True  # False: it says what is in another line, and is printed as a line of its own


@dataclass(frozen=True)
class EInvoice:
    """One e-invoice. `kind` is a code of UNTDID 1001, `profile` the guideline that it names."""

    syntax: str  # a key of `extractor.einvoice.parse.SYNTAXES`
    kind: str = ""
    profile: str = ""
    number: str = ""
    issue_date: str = ""
    due_date: str = ""
    sellers: tuple[str, ...] = ()
    buyers: tuple[str, ...] = ()
    currency: str = ""
    line_total: str = ""
    allowances: str = ""
    charges: str = ""
    net: str = ""
    tax: str = ""
    total: str = ""
    prepaid: str = ""
    payable: str = ""
    ibans: tuple[str, ...] = ()
    reference: str = ""  # what to quote when paying
    order: str = ""
    seller_tax_id: str = ""
    lines: tuple[InvoiceLine, ...] = ()
    others: tuple[str, ...] = ()  # every other day, number and name in the file, so that its print can be explained

    @property
    def is_credit_note(self) -> bool:
        """UNTDID 1001: 381 credit note, 261 self-billed, 262 and 396 of goods and factored, 83, 81, 420, 458, 532."""
        return self.kind in CREDIT_NOTES

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> EInvoice:
        parts = {name: tuple(table[name]) for name in ("sellers", "buyers", "ibans", "others")}
        return cls(**(dict(table) | parts | {"lines": tuple(InvoiceLine(**line) for line in table["lines"])}))


CREDIT_NOTES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
