"""How values of one kind bear on each other and on their page: sums of amounts, ranges of dates, blocks of names."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from extractor.fields.layout import Floats, Ints, Layout
from extractor.fields.spans import Span
from extractor.kinds.text import compact
from models.doctype import Kind

EARLIER, LATER = 4, 5  # columns that the first bundles knew, and those that came later
RANGE_WORDS = 2  # tokens from the first date of a range to the second
MOST_SUMMED = 300  # distinct amounts; pairs grow with the square
MOST_TAX = 0.3  # of the net amount
ALIGNED, BLOCK = 0.03, 0.16  # widths of the text: left edges of a block, and its height
REACH = ("tax_id", "contact", "bank")  # labels of what a firm says of itself under its name
LEGAL_FORMS = frozenset([
    "GMBH", "AG", "KG", "OHG", "EK", "UG", "EV", "EG", "KGAA", "LTD", "LIMITED", "PLC", "LLP", "LLC", "INC",
    "CORP", "CO", "SARL", "SAS", "SASU", "SA", "EURL", "SNC", "SCI", "SL", "SLU", "SCP", "SRL", "SPA", "SAPA",
    "BV", "NV", "VOF", "LDA", "OY", "OYJ", "AB", "AS", "ASA", "APS", "KFT", "ZRT", "BT", "SRO", "DOO", "DD", "OOD",
    "EOOD", "EAD", "OU", "UAB", "SIA", "ZOO", "SPZOO", "SK", "SPK", "AE", "EPE", "OOO", "ZAO", "PAO", "TOV", "STI",
    "PTY", "BHD", "PVT", "PTE", "EI",
])  # fmt: skip
_DOMAIN = re.compile(r"(?:@|www\.|https?://)([a-z0-9\-]+(?:\.[a-z0-9\-]+)*)\.[a-z]{2,12}", re.IGNORECASE)
_POST_CODE = re.compile(r"(?:[A-Z]{1,2}-?)?\d{4,6}|\d{2,3}-\d{2,3}|[A-Z]{1,2}\d{1,2}[A-Z]?|\d[A-Z]{2}")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,' ]?\d{3})*[.,]\d\d")
_RATE = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,4})?) ?%")


def relations(layout: Layout, kind: Kind, spans: list[Span], value: Ints, keys: list[str]) -> Floats:
    """[n, EARLIER + LATER] for the candidates of one kind."""
    found = np.zeros((len(spans), EARLIER + LATER), np.float32)
    if kind is Kind.MONEY:
        amounts = np.array([float(k) for k in keys])
        found[:, :7] = np.concatenate([_sums(amounts), _roles(amounts, _rates(layout))], 1)[value]
    elif kind is Kind.DATE:
        found[:, :4] = _ranges(layout, spans)
    elif kind is Kind.NAME:
        found[:, EARLIER:] = _blocks(layout, spans)
    elif kind is Kind.IDENTIFIER:
        found[:, EARLIER] = [_is_whole(layout, span) for span in spans]
    return found


def _ranges(layout: Layout, spans: list[Span]) -> Floats:
    """Dates from-to. [n, 4]: opens a range, ends one, length of the range (log of days), earliest in its column."""
    found = np.zeros((len(spans), 4), np.float32)
    days = np.array([dt.date.fromisoformat(s.key).toordinal() for s in spans])
    for one, other in itertools.pairwise(range(len(spans))):
        here, there = spans[one].tokens, spans[other].tokens
        beside = layout.line[here[-1]] == layout.line[there[0]] and there[0] - here[-1] <= RANGE_WORDS
        if beside and days[other] > days[one]:
            found[one, 0] = found[other, 1] = 1
            found[[one, other], 2] = np.log1p(days[other] - days[one])
    left = layout.box[[s.tokens[0] for s in spans], 0]
    aligned = np.abs(left[:, None] - left[None]) < 0.01
    found[:, 3] = (np.where(aligned, days[None], days.max()).min(1) == days) & (aligned.sum(1) > 2)
    return found


def _sums(amounts: NDArray[np.float64]) -> Floats:
    """How distinct amounts add up. [n, 4]: whole five cents, near another, sum of two others, difference of two."""
    cents = np.round(amounts * 100).astype(np.int64)
    if len(cents) > MOST_SUMMED:
        cents = cents[:MOST_SUMMED]
    apart = np.abs(cents[:, None] - cents[None])
    other = ~np.eye(len(cents), dtype=bool)
    positive = cents[cents > 0]
    sums = np.unique((positive[:, None] + positive[None])[np.triu_indices(len(positive), 1)])
    differences = np.unique((positive[:, None] - positive[None])[np.tril_indices(len(positive), -1)])
    columns = (cents % 5 == 0, ((apart <= 5) & other).any(1), np.isin(cents, sums), np.isin(cents, np.abs(differences)))
    found = np.zeros((len(amounts), 4), np.float32)
    found[: len(cents)] = np.stack(columns, 1)
    return found


def _roles(amounts: NDArray[np.float64], rates: Floats) -> Floats:
    """[n, 3]: whether a value is the net amount, the tax or the total of three that add up; 2 at a printed rate."""
    cents = np.round(np.abs(amounts) * 100).astype(np.int64)
    found = np.zeros((len(amounts), 3), np.float32)
    order = np.flatnonzero(cents > 0)[:MOST_SUMMED]
    place = {int(cents[n]): int(n) for n in order}
    for net, tax in itertools.product(order, order):
        total = place.get(int(cents[net] + cents[tax]))
        if total is None or cents[tax] > MOST_TAX * cents[net]:
            continue
        share = float(cents[tax]) / float(cents[net])
        strength = 2.0 if len(rates) and np.abs(rates - share).min() * cents[net] <= 2.0 else 1.0
        for role, which in enumerate((net, tax, total)):
            found[which, role] = max(found[which, role], strength)
    return found


def sum_strength(layout: Layout) -> float:
    """The strongest three amounts of a document that add up as net, tax and total: 0, 1, or 2 at a printed rate."""
    found = [_AMOUNT.fullmatch(text.strip("€$£()")) for text in layout.text]
    amounts = {float(re.sub(r"[^0-9]", "", match.group())) / 100 for match in found if match}
    return float(_roles(np.array(sorted(amounts)), _rates(layout)).max(initial=0.0))


def _rates(layout: Layout) -> Floats:
    text = " ".join(layout.text)
    return np.array([float(r.replace(",", ".")) / 100 for r in _RATE.findall(text)], np.float32)


def _blocks(layout: Layout, spans: Sequence[Span]) -> Floats:
    """Names as first lines of addresses.

    [n, 5]: a domain on the page is like it, it ends in a legal form, how near below a town stands, nothing stands close
    above, and how many of a firm's numbers stand below.
    """
    domains = [compact(m) for m in _DOMAIN.findall(" ".join(layout.text))]
    starts = np.array([segment[0] for segment in layout.segments])
    left, top = layout.box[starts, 0], layout.box[starts, 1]
    page = layout.page[starts]
    town = np.array([_is_town(layout, segment) for segment in layout.segments], bool)
    named = layout.anchors or ("",) * len(layout)
    reach = np.array([any(named[t] in REACH for t in segment) for segment in layout.segments], bool)
    found = np.zeros((len(spans), 5), np.float32)
    for first, mine in _by_first(spans).items():
        here = layout.box[first]
        block = (np.abs(left - here[0]) < ALIGNED) & (page == layout.page[first])
        down = top - here[1]
        below = block & (down > 0.4 * layout.height) & (down < BLOCK)
        towns = down[below & town]
        above = block & (down < -0.4 * layout.height) & (down > -2.2 * layout.height)
        near = 1 / max(float(towns.min()) / layout.height, 1.0) if len(towns) else 0.0
        found[mine, 2:] = near, not above.any(), np.log1p((below & reach).sum())
    for n, span in enumerate(spans):
        found[n, 0] = float(any(_alike(domain, span.key) for domain in domains))
        found[n, 1] = float(layout.compacts[span.tokens[-1]] in LEGAL_FORMS)
    return found


def _is_whole(layout: Layout, span: Span) -> bool:
    """Whether the printed words of a number hold nothing but it."""
    places = dict.fromkeys((int(layout.page[t]), int(layout.word[t])) for t in span.tokens)
    return compact("".join(layout.pages[page].words[word].text for page, word in places)) == span.key


def _by_first(spans: Sequence[Span]) -> dict[int, list[int]]:
    """Numbers of the spans by the token that they begin with."""
    found: dict[int, list[int]] = {}
    for number, span in enumerate(spans):
        found.setdefault(span.tokens[0], []).append(number)
    return found


def _is_town(layout: Layout, segment: Sequence[int]) -> bool:
    """A post code and a word."""
    texts = [layout.text[t].strip(",") for t in segment[:4]]
    coded = [n for n, text in enumerate(texts) if _POST_CODE.fullmatch(text)]
    return bool(coded) and any(layout.letters[t] >= 3 for t in segment) and len(segment) <= 8


def _alike(domain: str, key: str) -> bool:
    """One holds the other, or they begin alike."""
    return len(domain) >= 4 and len(key) >= 4 and (domain in key or key in domain or domain[:6] == key[:6])
