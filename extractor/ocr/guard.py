"""Stands between engine and worker: an engine that crashes, hangs or answers garbage becomes one `EngineFailed`."""

from __future__ import annotations

import math
from typing import Any

from extractor.processes import sandbox
from models.values import Box, Word

READ_SECONDS = 300.0
READ_MEMORY_BYTES = 6_000_000_000  # of address space; a page takes about 1.2 GB of real memory


class EngineFailed(Exception):
    """An engine gave no usable answer; `reason` is one of crashed, timed_out, out_of_memory, raised, garbage."""

    def __init__(self, engine: str, reason: str, detail: str) -> None:
        super().__init__(f"{engine} {reason}: {detail}")
        self.engine, self.reason = engine, reason


REASONS: dict[type[sandbox.SandboxFailed], str] = {
    sandbox.ChildDied: "crashed",
    sandbox.ChildTimedOut: "timed_out",
    sandbox.ChildOutOfMemory: "out_of_memory",
    sandbox.JobRaised: "raised",
}


def call_guarded(
    job: str, engine: str, header: dict[str, Any], blobs: list[bytes], seconds: float = READ_SECONDS
) -> tuple[dict[str, Any], list[bytes]]:
    """Run a reading job in a child of its own. Raises `EngineFailed`."""
    try:
        return sandbox.call(job, header | {"engine": engine}, blobs, seconds=seconds, memory_bytes=READ_MEMORY_BYTES)
    except sandbox.SandboxFailed as error:
        reason = "garbage" if str(error).startswith(Garbage.__name__) else REASONS[type(error)]
        raise EngineFailed(engine, reason, str(error)) from error


class Garbage(Exception):
    """An engine's output is not words."""


def checked(words: object) -> list[Word]:
    """`words` if an engine may return them. Raises `Garbage`; blank words are dropped, boxes cut to the page."""
    if not isinstance(words, list):
        raise Garbage(f"expected a list of words, got {type(words).__name__}")
    return [w for w in (_checked_word(w) for w in words) if w.text]


def _checked_word(word: object) -> Word:
    if not isinstance(word, Word) or not isinstance(word.text, str) or not isinstance(word.box, Box):
        raise Garbage(f"expected a word, got {word!r:.80}")
    numbers = [word.confidence, word.box.x0, word.box.y0, word.box.x1, word.box.y1]
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in numbers):
        raise Garbage(f"a number is missing in {word!r:.80}")
    if not 0 <= word.confidence <= 1:
        raise Garbage(f"a confidence lies outside 0 to 1: {word.confidence}")
    box = word.box
    if box.x1 < box.x0 or box.y1 < box.y0 or min(numbers[1:]) < -0.05 or max(numbers[1:]) > 1.05:
        raise Garbage(f"a box lies outside the page: {box}")
    text = " ".join(word.text.encode("utf-8", "replace").decode("utf-8").split())
    text = "".join(c for c in text if c.isprintable())
    x0, y0, x1, y1 = (min(1.0, max(0.0, float(v))) for v in numbers[1:])
    return Word(text, Box(x0, y0, x1, y1), float(word.confidence), int(word.line), int(word.segment), trace=word.trace)
