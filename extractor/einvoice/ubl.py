"""OASIS UBL 2: invoices and credit notes, of XRechnung and Peppol."""

from __future__ import annotations

from extractor.einvoice.invoice import EInvoice, InvoiceLine
from extractor.einvoice.tree import Element, children, day, first, name, number, text, texts


def read_ubl(root: Element) -> EInvoice:
    """The invoice or credit note that `root` is."""
    is_credit = name(root) == "CreditNote"
    sums, currency = first(root, "LegalMonetaryTotal"), text(root, "DocumentCurrencyCode")
    due = text(root, "DueDate") or text(root, "PaymentMeans", "PaymentDueDate")
    return EInvoice(
        syntax="ubl",
        kind=text(root, "CreditNoteTypeCode" if is_credit else "InvoiceTypeCode") or ("381" if is_credit else "380"),
        profile=text(root, "CustomizationID"),
        number=text(root, "ID"),
        issue_date=day(text(root, "IssueDate")),
        due_date=day(due),
        sellers=_names(first(root, "AccountingSupplierParty", "Party")),
        buyers=_names(first(root, "AccountingCustomerParty", "Party")),
        currency=currency,
        line_total=number(text(sums, "LineExtensionAmount")),
        allowances=number(text(sums, "AllowanceTotalAmount")),
        charges=number(text(sums, "ChargeTotalAmount")),
        net=number(text(sums, "TaxExclusiveAmount")),
        tax=_tax(root, currency),
        total=number(text(sums, "TaxInclusiveAmount")),
        prepaid=number(text(sums, "PrepaidAmount")),
        payable=number(text(sums, "PayableAmount")),
        ibans=texts(root, "PaymentMeans", "PayeeFinancialAccount", "ID"),
        reference=text(root, "PaymentMeans", "PaymentID"),
        order=text(root, "OrderReference", "ID"),
        seller_tax_id=text(root, "AccountingSupplierParty", "Party", "PartyTaxScheme", "CompanyID"),
        lines=tuple(_line(item) for item in children(root, "CreditNoteLine" if is_credit else "InvoiceLine")),
    )


def _names(party: Element | None) -> tuple[str, ...]:
    legal, trading = texts(party, "PartyLegalEntity", "RegistrationName"), texts(party, "PartyName", "Name")
    return tuple(dict.fromkeys((*legal, *trading)))


def _tax(root: Element, currency: str) -> str:
    """The tax in the currency of the invoice: it may be given in that of the accounts too."""
    amounts = [e for total in children(root, "TaxTotal") for e in children(total, "TaxAmount")]
    return next((number(text(e)) for e in amounts if e.get("currencyID", currency) == currency), "")


def _line(item: Element) -> InvoiceLine:
    quantity, price = first(item, "InvoicedQuantity"), first(item, "Price")
    if quantity is None:
        quantity = first(item, "CreditedQuantity")
    gross = text(price, "AllowanceCharge", "BaseAmount")
    net = number(text(price, "PriceAmount"))
    return InvoiceLine(
        description=text(item, "Item", "Name"),
        more=text(item, "Item", "Description"),
        quantity=number(text(quantity)),
        unit_price=number(gross) or net,
        net_price=net,
        per=number(text(price, "BaseQuantity")) or "1",
        unit=quantity.get("unitCode", "") if quantity is not None else "",
        amount=number(text(item, "LineExtensionAmount")),
    )
