"""UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 1 and 2, XRechnung (CII) and Order-X.

ZUGFeRD 1 (2014) names a few elements otherwise: both names are tried. UNTDID 2379 code 102 is a day as CCYYMMDD.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from extractor.einvoice.invoice import EInvoice, InvoiceLine
from extractor.einvoice.tree import Element, children, day, first, number, text, texts


def read_cii(root: Element) -> EInvoice:
    """The invoice or order that `root` holds."""
    head = _either(root, "ExchangedDocument", "HeaderExchangedDocument")
    context = _either(root, "ExchangedDocumentContext", "SpecifiedExchangedDocumentContext")
    trade = _either(root, "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = _either(trade, "ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    settlement = _either(trade, "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    sums = _either(
        settlement,
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        "SpecifiedTradeSettlementMonetarySummation",
    )
    currency = text(settlement, "InvoiceCurrencyCode") or text(settlement, "OrderCurrencyCode")
    return EInvoice(
        syntax="cii",
        kind=text(head, "TypeCode"),
        profile=text(context, "GuidelineSpecifiedDocumentContextParameter", "ID"),
        number=text(head, "ID"),
        issue_date=_day(head, "IssueDateTime"),
        due_date=_day(settlement, "SpecifiedTradePaymentTerms", "DueDateDateTime"),
        sellers=_names(first(agreement, "SellerTradeParty")),
        buyers=_names(first(agreement, "BuyerTradeParty")),
        currency=currency,
        line_total=_amount(sums, "LineTotalAmount", currency),
        allowances=_amount(sums, "AllowanceTotalAmount", currency),
        charges=_amount(sums, "ChargeTotalAmount", currency),
        net=_amount(sums, "TaxBasisTotalAmount", currency),
        tax=_amount(sums, "TaxTotalAmount", currency),
        total=_amount(sums, "GrandTotalAmount", currency),
        prepaid=_amount(sums, "TotalPrepaidAmount", currency),
        payable=_amount(sums, "DuePayableAmount", currency),
        ibans=texts(settlement, "SpecifiedTradeSettlementPaymentMeans", "PayeePartyCreditorFinancialAccount", "IBANID"),
        reference=text(settlement, "PaymentReference"),
        order=text(agreement, "BuyerOrderReferencedDocument", "IssuerAssignedID")
        or text(agreement, "BuyerOrderReferencedDocument", "ID"),
        seller_tax_id=_tax_id(first(agreement, "SellerTradeParty")),
        lines=tuple(line for item in children(trade, "IncludedSupplyChainTradeLineItem") if (line := _line(item))),
    )


def _either(element: Element | None, *names: str) -> Element | None:
    return next((found for name in names if (found := first(element, name)) is not None), None)


def _day(element: Element | None, *path: str) -> str:
    """A day, whether its text stands in a `DateTimeString` or not; nothing for what is no day of the calendar."""
    return day(text(element, *path, "DateTimeString") or text(element, *path, "DateTime") or text(element, *path))


def _names(party: Element | None) -> tuple[str, ...]:
    names = (*texts(party, "Name"), *texts(party, "SpecifiedLegalOrganization", "TradingBusinessName"))
    return tuple(dict.fromkeys(names))


def _amount(sums: Element | None, name: str, currency: str) -> str:
    """The amount in the currency of the invoice: the tax may be given in that of the accounts too."""
    found = list(children(sums, name))
    own = [e for e in found if e.get("currencyID", currency) == currency]
    return number(text(own[0])) if own else number(text(found[0])) if found else ""


def _tax_id(party: Element | None) -> str:
    ids = list(children(party, "SpecifiedTaxRegistration", "ID"))
    return next((text(e) for e in ids if e.get("schemeID") == "VA"), text(ids[0]) if ids else "")


def _line(item: Element) -> InvoiceLine | None:
    """A line; those without goods and amounts are remarks, and those that group others are their headings."""
    status = text(item, "AssociatedDocumentLineDocument", "LineStatusReasonCode")
    if status == "GROUP":
        return None
    product = first(item, "SpecifiedTradeProduct")
    agreement = _either(item, "SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
    delivery = _either(item, "SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
    settlement = _either(item, "SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
    sums = _either(
        settlement,
        "SpecifiedTradeSettlementLineMonetarySummation",
        "SpecifiedTradeSettlementMonetarySummation",
    )
    gross, net = first(agreement, "GrossPriceProductTradePrice"), first(agreement, "NetPriceProductTradePrice")
    quantity = _either(delivery, "BilledQuantity", "RequestedQuantity")
    amount = number(text(sums, "LineTotalAmount"))
    if not amount and quantity is None and net is None:
        return None
    price = gross if gross is not None and _has_amount(gross) else net
    return InvoiceLine(
        description=text(product, "Name"),
        more=text(product, "Description"),
        quantity=number(text(quantity)),
        unit_price=number(text(price, "ChargeAmount")),
        net_price=number(text(net, "ChargeAmount")),
        per=number(text(price, "BasisQuantity")) or "1",
        unit=quantity.get("unitCode", "") if quantity is not None else "",
        amount=amount,
        counts=status != "INFORMATION",
    )


def _has_amount(price: Element) -> bool:
    try:
        return bool(Decimal(text(price, "ChargeAmount")))
    except InvalidOperation:
        return False
