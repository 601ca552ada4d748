"""Spelling: which way of writing an answer is kept, where equal answers differ in spaces, case or punctuation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hitl.aggregate.votes import Source, Vote

NEAREST = {Source.BLIND: 0, Source.SHOWN: 1, Source.MACHINE: 2}  # to the paper


def best_spelling(answers: Sequence[tuple[Vote, Any]]) -> int:
    """The place, among equal answers (vote, value), of the one whose spelling is kept.

    What a person typed wins over what a person confirmed, and that over the machine's. Of several spellings of that
    kind the one that most people used; of those the one whose most skilled writer is the best; of those the first in
    the order of text. So it does not depend on who answered first.

    >>> blind = [Vote("ann", "=ACMELTD", 0.97), Vote("ben", "=ACMELTD", 0.99)]
    >>> machine = Vote("machine", "=ACMELTD", 0.995, Source.MACHINE)
    >>> best_spelling([(machine, "AcmeLtd"), (blind[0], "ACME LTD"), (blind[1], "Acme Ltd")])
    2
    """
    nearest = min(NEAREST[vote.source] for vote, _ in answers)
    places = [place for place, (vote, _) in enumerate(answers) if NEAREST[vote.source] == nearest]
    written = {place: json.dumps(answers[place][1], sort_keys=True) for place in places}
    used = Counter(written.values())
    return min(places, key=lambda p: (-used[written[p]], -_skill(answers, written, written[p]), written[p], p))


def _skill(answers: Sequence[tuple[Vote, Any]], written: dict[int, str], spelling: str) -> float:
    return max(answers[place][0].skill for place, text in written.items() if text == spelling)
