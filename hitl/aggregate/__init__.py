"""Aggregation: what several answers to one question amount to. A rule is one pure function and one line in RULES."""

from __future__ import annotations

from hitl.aggregate import dawid_skene, majority, one_coin
from hitl.aggregate.votes import Decision, Outcome, Rule, Source, Terms, Vote

RULES: dict[str, Rule] = {
    "one_coin": one_coin.rule,
    "majority": majority.rule,
    "dawid_skene": dawid_skene.rule,
    "single": majority.single,
}

__all__ = ["RULES", "Decision", "Outcome", "Rule", "Source", "Terms", "Vote"]
