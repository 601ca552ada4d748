"""An e-invoice as statements about fields, and what it says that does not add up."""

from __future__ import annotations

from decimal import Decimal

from extractor.checks import iban as is_iban
from extractor.einvoice.invoice import EInvoice, InvoiceLine
from extractor.einvoice.tree import day
from extractor.kinds.currency import decimals_of
from models.values import Statement

INVOICES = frozenset(
    {"", "80", "82", "84", "325", "326", "380", "383", "384", "385", "386", "389", "393", "395", "875", "877"}
)
OTHERS = "others"  # the term of what explains print without being about a field
ROUNDING = Decimal("0.02")


def statements_of(invoice: EInvoice, origin: str) -> tuple[Statement, ...]:
    """One statement for each term that the file gives, in the project's form."""
    places = decimals_of(invoice.currency)
    amounts = {name: _amount(getattr(invoice, name), places) for name in ("net", "tax", "total", "payable", "prepaid")}
    total = amounts["total"] or amounts["payable"]
    single = {
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "currency": invoice.currency,
        "net": amounts["net"],
        "tax": amounts["tax"],
        "total": total,
        "payable": amounts["payable"],
        "prepaid": amounts["prepaid"],
        "line_total": _amount(invoice.line_total, places),
        "order": invoice.order,
        "reference": invoice.reference,
        "tax_id": invoice.seller_tax_id,
    }
    several = {"seller": invoice.sellers, "buyer": invoice.buyers, "iban": invoice.ibans}
    if invoice.kind in INVOICES or invoice.is_credit_note:
        single["document_type"] = "invoice"
    found = [Statement("xml", term, value, origin=origin) for term, value in single.items() if value]
    found += [Statement("xml", term, names[0], names[1:], origin=origin) for term, names in several.items() if names]
    if invoice.others:
        found.append(Statement("xml", OTHERS, invoice.others[0], _days(invoice.others), origin=origin))
    rows = tuple(_row(line, places) for line in invoice.lines)
    return (*found, Statement("xml", "line_items", "", rows=rows, origin=origin)) if rows else tuple(found)


def _days(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts, and the days among them as ISO 8601, too."""
    return (*texts, *dict.fromkeys(iso for text in texts if len(text) == 8 and (iso := day(text))))


def _row(line: InvoiceLine, places: int) -> dict[str, list[str]]:
    """Spellings of each cell: the net price first, for it is what quantity and amount agree with."""
    text = [line.description, *(f"{line.description}{mark}{line.more}" for mark in (": ", " ") if line.more)]
    prices = [_plain(price) for price in (line.net_price, line.unit_price) if price]
    cells = {
        "description": text if line.description else [line.more],
        "quantity": [_plain(line.quantity)],
        "unit_price": list(dict.fromkeys(prices)),
        "amount": [_amount(line.amount, places)],
    }
    return {name: [cell for cell in spellings if cell] for name, spellings in cells.items()}


def _plain(number: str) -> str:
    """Without zeros that only fill up: 4.0000 is 4."""
    return f"{Decimal(number).normalize():f}" if number else ""


def _amount(number: str, places: int) -> str:
    """At least the decimals of the currency, and no zeros beyond them."""
    if not number:
        return ""
    value = Decimal(_plain(number))
    exponent = value.as_tuple().exponent
    decimals = max(places, -exponent if isinstance(exponent, int) else 0)
    return f"{value:.{decimals}f}"


def findings(invoice: EInvoice) -> list[str]:
    """What the file says that does not add up, one sentence each (rules BR-CO-10, 13, 15, 16 of EN 16931)."""
    found = []
    lines = [line.amount for line in invoice.lines if line.counts]
    if lines and all(lines):
        found += _sum("the lines add up to", lines, invoice.line_total, "the sum of lines is")
    charged = [invoice.line_total, _minus(invoice.allowances), invoice.charges]
    found += _sum("lines less allowances plus charges are", charged, invoice.net, "the net amount is")
    found += _sum("net and tax are", [invoice.net, invoice.tax], invoice.total, "the total is", all_needed=True)
    found += [f"the IBAN {iban} has wrong check digits" for iban in invoice.ibans if _is_wrong(iban)]
    if not invoice.number:
        found.append("it has no number")
    if invoice.issue_date and invoice.due_date and invoice.due_date < invoice.issue_date:
        found.append(f"it is due on {invoice.due_date}, before its day {invoice.issue_date}")
    return found


def _is_wrong(iban: str) -> bool:
    """An account that begins as an IBAN does and is none: other countries put their own numbers there."""
    return iban[:2].isalpha() and iban[2:4].isdigit() and is_iban(iban, None) is False


def _minus(number: str) -> str:
    return f"{-Decimal(number):f}" if number else ""


def _sum(said: str, parts: list[str], whole: str, wanted: str, *, all_needed: bool = False) -> list[str]:
    known = [Decimal(part) for part in parts if part]
    if not whole or not parts[0] or (all_needed and len(known) < len(parts)):
        return []
    total = sum(known, Decimal(0))
    return [] if abs(total - Decimal(whole)) <= ROUNDING else [f"{said} {total:f}, but {wanted} {whole}"]
