"""Payment codes: Swiss QR bill, EPC (GiroCode), and the slips of Slovenia, Croatia and Serbia are text with a header.

Sources: SIX, Swiss Implementation Guidelines QR-bill 2.3, table 9; EPC069-12 version 2.1; HUB-3 (PDF417). A payload is
one function and one line in PAYLOADS; what is no payload of a known form states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from extractor.checks import iban as is_iban
from extractor.kinds.currency import decimals_of
from models.values import Code, Page, Statement


@dataclass(frozen=True)
class Payment:
    """What a payment code asks for; empty is what it leaves open."""

    form: str  # a name for people, e.g. "Swiss QR bill"
    iban: str = ""
    creditor: str = ""
    debtor: str = ""
    amount: str = ""
    currency: str = ""
    reference: str = ""


def swiss(lines: list[str]) -> Payment | None:
    """SPC / 0200 / 1: 31 lines, of which an empty reference and trailer may be missing."""
    if len(lines) < 28 or lines[0] != "SPC" or not lines[1].startswith("02"):
        return None
    return Payment(
        "Swiss QR bill",
        iban=lines[3].replace(" ", ""),
        creditor=lines[5],
        amount=_amount(lines[18], lines[19]),
        currency=lines[19],
        debtor=lines[21],
        reference=lines[28] if len(lines) > 28 else "",
    )


def epc(lines: list[str]) -> Payment | None:
    """BCD / 001 or 002 / character set / SCT: beneficiary, account, amount as EUR12.3, purpose, reference or text."""
    if len(lines) < 7 or lines[0] != "BCD" or lines[3] not in ("SCT", "INST"):
        return None
    lines = [*lines, "", "", "", "", ""]
    money = re.fullmatch(r"([A-Z]{3})(\d+(?:\.\d{1,3})?)", lines[7])
    currency, amount = (money[1], _amount(money[2], money[1])) if money else ("", "")
    return Payment(
        "EPC payment code",
        iban=lines[6].replace(" ", ""),
        creditor=lines[5],
        amount=amount,
        currency=currency,
        reference=lines[9] or lines[10],
    )


def croatian(lines: list[str]) -> Payment | None:
    """HRVHUB30: currency, amount in cents over fifteen digits, payer, payee, account, model and reference."""
    if len(lines) < 13 or lines[0] != "HRVHUB30" or not lines[2].isdigit():
        return None
    return Payment(
        "HUB-3 payment code",
        currency=lines[1],
        amount=f"{Decimal(lines[2]) / 100:.2f}",
        debtor=lines[3],
        creditor=lines[6],
        iban=lines[9].replace(" ", ""),
        reference=" ".join(part for part in (lines[10], lines[11]) if part),
    )


def serbian(lines: list[str]) -> Payment | None:
    """NBS IPS: fields `K:PR|R:account|N:name|I:RSD1234,50|RO:reference`, one after the other."""
    parts = dict(part.split(":", 1) for part in "\n".join(lines).split("|") if ":" in part)
    money = re.fullmatch(r"([A-Z]{3})(\d+)(?:,(\d{0,2}))?", parts.get("I", ""))
    if parts.get("K") not in ("PR", "PT", "PK", "EK") or "R" not in parts or not money:
        return None
    return Payment(
        "IPS payment code",
        creditor=parts.get("N", "").split("\n")[0].strip(),
        currency=money[1],
        amount=f"{money[2]}.{(money[3] or '').ljust(2, '0')}",
        reference=parts.get("RO", ""),
    )


def slovenian(lines: list[str]) -> Payment | None:
    """UPNQR: 20 lines, the amount in cents over eleven digits."""
    if len(lines) < 19 or lines[0] != "UPNQR" or not lines[8].isdigit():
        return None
    return Payment(
        "UPN payment code",
        debtor=lines[5],
        currency="EUR",
        amount=f"{Decimal(lines[8]) / 100:.2f}",
        iban=lines[14].replace(" ", ""),
        reference=lines[15],
        creditor=lines[16],
    )


PAYLOADS: tuple[Callable[[list[str]], Payment | None], ...] = (swiss, epc, croatian, serbian, slovenian)


def payment_of(text: str) -> Payment | None:
    """The payment that the text of a code asks for, or None if it is no payment code that we know."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return next((payment for payload in PAYLOADS if (payment := payload(lines)) is not None), None)


def _amount(text: str, currency: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return ""
    return f"{value:.{decimals_of(currency)}f}" if value.is_finite() and 0 <= value < 10**12 else ""


def statements_of_codes(pages: Iterable[Page]) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """What the payment codes on the pages state, and what is wrong with them. Two codes that differ state nothing."""
    found: list[tuple[Payment, Page, Code]] = []
    for page in pages:
        for code in page.codes:
            payment = payment_of(code.text)
            if payment is not None:
                found.append((payment, page, code))
    if not found:
        return (), ()
    if len({(p.iban, p.amount, p.reference) for p, _, _ in found}) > 1:
        return (), ("several_payment_codes: the document asks for several payments; none of them is compared",)
    payment, page, code = found[0]
    problems: tuple[str, ...] = ()
    if payment.iban and is_iban(payment.iban, None) is False:
        problems = (f"code_not_valid: the account {payment.iban} in the {payment.form} has wrong check digits",)
    terms = {
        "iban": payment.iban,
        "seller": payment.creditor,
        "buyer": payment.debtor,
        "total": payment.amount,
        "currency": payment.currency,
        "reference": payment.reference,
    }
    said = [
        Statement("code", term, value, origin=payment.form, page=page.number, box=code.box)
        for term, value in terms.items()
        if value
    ]
    return tuple(said), problems
