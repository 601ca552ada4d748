"""From a trace to the likeliest line: CTC prefix beam search with a text model of what people confirmed.

After Hannun et al. (2014), "First-pass large vocabulary continuous speech recognition": a prefix is scored by
log P(trace | prefix) + sum over its characters of (ALPHA log P(character | those before) + BETA).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from extractor.rereading.ngrams import EDGE, TextModel, plain_character
from extractor.rereading.traces import BLANK, Step

ALPHA = 0.2  # weight of the text model
BETA = 0.3  # for every character, else it would prefer short lines
WIDTH = 8  # prefixes kept
NEVER = -1e9

Scores = tuple[float, float, float, str]  # log p ending in blank, and not; the text model's; the last plain characters


def decode(
    steps: Sequence[Step], model: TextModel, alpha: float = ALPHA, beta: float = BETA, width: int = WIDTH
) -> str:
    """The likeliest text of a line."""
    beams: dict[str, Scores] = {"": (0.0, NEVER, 0.0, EDGE * (model.order - 1))}
    for step in steps:
        grown: dict[str, Scores] = {}
        for text, (blank, other, said, context) in beams.items():
            both = _add(blank, other)
            for symbol, p in step:
                if symbol == BLANK:
                    _offer(grown, text, (both + p, NEVER, said, context))
                    continue
                before = both
                if text[-1:] == symbol:
                    _offer(grown, text, (NEVER, other + p, said, context))
                    before = blank
                if before <= NEVER:
                    continue
                sign = plain_character(symbol)
                more = alpha * math.log(model.probability(context, sign)) + beta
                _offer(grown, text + symbol, (NEVER, before + p, said + more, (context + sign)[1 - model.order :]))
        beams = grown if len(grown) <= width else dict(sorted(grown.items(), key=_score, reverse=True)[:width])
    return max(beams.items(), key=_score)[0]


def _offer(grown: dict[str, Scores], text: str, scores: Scores) -> None:
    held = grown.get(text)
    if held is None:
        grown[text] = scores
    else:
        grown[text] = (_add(held[0], scores[0]), _add(held[1], scores[1]), held[2], held[3])


def _score(beam: tuple[str, Scores]) -> float:
    blank, other, said, _ = beam[1]
    return _add(blank, other) + said


def _add(a: float, b: float) -> float:
    """log(exp a + exp b)."""
    if a < b:
        a, b = b, a
    return a if b - a < -30 else a + math.log1p(math.exp(b - a))
