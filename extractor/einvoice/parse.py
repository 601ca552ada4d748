"""Bytes to an e-invoice: which syntax it is, by the root element. A syntax is one function and one line in SYNTAXES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from extractor.einvoice.cii import read_cii
from extractor.einvoice.invoice import EInvoice
from extractor.einvoice.tree import Element, NotReadable, leaves, name, parse
from extractor.einvoice.ubl import read_ubl

SYNTAXES: dict[str, Callable[[Element], EInvoice]] = {
    "CrossIndustryInvoice": read_cii,  # Factur-X, ZUGFeRD 2, XRechnung
    "CrossIndustryDocument": read_cii,  # ZUGFeRD 1
    "SCRDMCCBDACIOMessageStructure": read_cii,  # Order-X
    "Invoice": read_ubl,
    "CreditNote": read_ubl,
}
START = 4096


def looks_like_xml(data: bytes) -> bool:
    """Whether the bytes begin as XML does, in any of the encodings in which it comes."""
    head = data[:START].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith((b"<?xml", b"<!--", b"<!DOCTYPE")) or any(_opens(head, root) for root in SYNTAXES)


def _opens(head: bytes, root: str) -> bool:
    tag = head[1:].split(b">", 1)[0].split(None, 1)
    return head.startswith(b"<") and bool(tag) and tag[0].rpartition(b":")[2] == root.encode()


def read_einvoice(data: bytes) -> EInvoice:
    """What the XML says. Raises `NotReadable` for what is no XML that we read, or says nothing."""
    root = parse(data)
    syntax = SYNTAXES.get(name(root))
    if syntax is None:
        raise NotReadable(f"its root element {name(root)!r:.60} is none of {', '.join(SYNTAXES)}")
    found = syntax(root)
    if not (found.number or found.sellers or found.total or found.payable):
        raise NotReadable("it names neither a number, nor a seller, nor an amount")
    return replace(found, others=leaves(root))
