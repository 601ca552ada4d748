"""Aggregation: what several answers to one question amount to. A rule is one pure function and one line in RULES."""

from __future__ import annotations

from hitl.aggregate.dawid_skene import dawid_skene
from hitl.aggregate.majority import majority, single
from hitl.aggregate.one_coin import one_coin
from hitl.aggregate.votes import Decision, Outcome, Rule, Source, Terms, Vote

RULES: dict[str, Rule] = {
    "one_coin": one_coin,
    "majority": majority,
    "dawid_skene": dawid_skene,
    "single": single,
}

__all__ = ["RULES", "Decision", "Outcome", "Rule", "Source", "Terms", "Vote"]
