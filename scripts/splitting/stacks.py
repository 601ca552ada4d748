"""Stacks of documents whose boundaries are known: half between documents of one type, a quarter of one family."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractor.splitting.looks import Look, look
from models.values import Page

MOST = 6  # documents of a stack
SINGLE = 0.4  # of the stacks are one document
BLANK = 0.06  # boundaries that a blank page marks
SAME_TYPE, SAME_FAMILY = 0.5, 0.25


@dataclass(frozen=True, eq=False)
class Whole:
    """One document with its pages as the splitter sees them."""

    type: str
    family: str  # of one sender, one form; empty where nobody knows
    group: str  # documents of one group are held out together
    looks: tuple[Look, ...]


@dataclass(frozen=True, eq=False)
class Stack:
    """Pages of several documents and, for each page from the second on, whether a document begins there."""

    looks: tuple[Look, ...]
    begins: tuple[bool, ...]
    same_medium: bool  # all went through one scanner: sizes and quality tell nothing
    kinds: tuple[str, ...]  # of each boundary: family, type or other


def blank() -> Look:
    return look(Page(1, 1654, 2339, (), "text_layer/1"))


def stacks(documents: Sequence[Whole], number: int, rng: random.Random, single: float = SINGLE) -> list[Stack]:
    """`number` stacks drawn from `documents`; the same `rng`, the same stacks."""
    by_type, by_family = defaultdict(list), defaultdict(list)
    for document in documents:
        by_type[document.type].append(document)
        if document.family:
            by_family[document.type, document.family].append(document)
    several = [d for d in documents if len(d.looks) > 1]
    types = sorted(by_type)
    found = []
    for _ in range(number):
        if rng.random() < single:
            found.append(_stacked([rng.choice(by_many(several, rng))], [], rng))
            continue
        drawn, kinds = [rng.choice(by_type[rng.choice(types)])], []
        for _ in range(rng.randint(1, MOST - 1)):
            following, kind = _next(drawn[-1], documents, by_type, by_family, rng)
            drawn.append(following)
            kinds.append(kind)
        found.append(_stacked(drawn, kinds, rng))
    return found


def by_many(several: Sequence[Whole], rng: random.Random) -> list[Whole]:
    """Documents of several pages of a type that is drawn first, so that every type counts the same."""
    chosen = rng.choice(sorted({d.type for d in several}))
    return [d for d in several if d.type == chosen]


def _next(
    before: Whole,
    documents: Sequence[Whole],
    by_type: dict[str, list[Whole]],
    by_family: dict[tuple[str, str], list[Whole]],
    rng: random.Random,
) -> tuple[Whole, str]:
    dice = rng.random()
    family = [d for d in by_family.get((before.type, before.family), []) if d is not before]
    if dice < SAME_FAMILY and family:
        return rng.choice(family), "family"
    alike = [d for d in by_type[before.type] if d is not before]
    if dice < SAME_TYPE and alike:
        return rng.choice(alike), "type"
    others = [name for name in sorted(by_type) if name != before.type]
    return rng.choice(by_type[rng.choice(others)] if others else list(documents)), "other"


def _stacked(drawn: Sequence[Whole], kinds: Sequence[str], rng: random.Random) -> Stack:
    looks: list[Look] = []
    begins: list[bool] = []
    for number, document in enumerate(drawn):
        if number and rng.random() < BLANK:
            looks.append(blank())
            begins.append(False)
        looks += document.looks
        begins += [number > 0] + [False] * (len(document.looks) - 1)
    if rng.random() < BLANK / 2:
        looks.append(blank())
        begins.append(False)
    return Stack(tuple(looks), tuple(begins[1:]), rng.random() < 0.5, tuple(kinds))


def on_one_scanner(stack: Stack) -> Stack:
    """The stack with all pages of one size, one engine and one quality: what a scanner makes of it."""
    first = stack.looks[0]
    medium = {"width": first.page.width, "height": first.page.height, "engine": first.page.engine}
    same = tuple(
        replace(one, page=replace(one.page, **medium), sure=first.sure, height=first.height) for one in stack.looks
    )
    return replace(stack, looks=same)
