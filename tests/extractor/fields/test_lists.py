"""A list takes the usual number of values more easily than further ones."""

from __future__ import annotations

from extractor.fields.lists import Cutoff, fit_cutoff
from extractor.fields.model import read_cutoffs

BOTH = frozenset({"A", "B"})


def test_the_first_value_always_counts_and_later_ones_by_their_standing() -> None:
    cutoff = Cutoff(usual=2, within=-5.0, beyond=-1.0)
    assert cutoff.count([]) == 0
    assert cutoff.count([-9.0]) == 1
    assert cutoff.count([-0.1, -4.0, -4.5]) == 2
    assert cutoff.count([-0.1, -4.0, -0.5]) == 3
    assert cutoff.count([-0.1, -6.0, -0.5]) == 1


def test_a_weak_second_party_counts_and_a_stronger_third_name_does_not() -> None:
    lists = [([("A", -0.1), ("B", -4.0), ("C", -6.0)], BOTH)] * 5
    lists += [([("A", -0.1), ("B", -0.3), ("C", -2.0)], BOTH)] * 5
    lists += [([("A", -0.1), ("B", -0.2), ("C", -0.3)], frozenset({"A", "B", "C"}))] * 3
    cutoff = fit_cutoff(lists)
    assert cutoff.usual == 2
    assert cutoff.within <= -4.0
    assert -2.0 < cutoff.beyond <= -0.3
    for candidates, wanted in lists:
        assert {key for key, _ in candidates[: cutoff.count(s for _, s in candidates)]} == wanted


def test_without_examples_only_what_stands_best_counts() -> None:
    assert fit_cutoff([]) == Cutoff()
    assert Cutoff().count([-0.5, -0.6]) == 1


def test_a_bundle_of_before_has_one_threshold_for_lists_of_any_length() -> None:
    assert read_cutoffs({"thresholds": {"party": -1.5}}) == {"party": Cutoff(1, -1.5, -1.5)}
    kept = {"cutoffs": {"party": {"usual": 2, "within": -3.0, "beyond": -1.0}}, "thresholds": {}}
    assert read_cutoffs(kept) == {"party": Cutoff(2, -3.0, -1.0)}
