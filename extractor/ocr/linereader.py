"""One line's picture to its text: PP-OCR's recogniser, restricted to the characters that its page may hold.

Restricted to Latin letters, figures, signs and currencies, field lines of receipts rise from .933 to .946 exact, and a
line costs a fifth less. How likely the other characters were stays known where the line is not sure, and lowers its
confidence; a page that surely shows another script in several lines is read with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.ocr.charset import LATIN, is_latin, script_of
from extractor.ocr.headless import METADATA, Headless, cut_head, fields
from extractor.rereading.traces import BLANK, Packed, trace_of

HEIGHT = 48  # pixels of a line, as the network was trained
STEP = 8  # pixels in width of one step
LEAST_WIDTH = 32  # pixels; padding beyond it, to the 320 of the training, costs a quarter and mends nothing
DOUBTFUL = 0.9  # least probability of a character below which the line is asked for other scripts, too
POOR = 0.7  # mean probability below which the line is also read turned
FOREIGN_LINES = 2  # lines of another script from which a page is read with it
FOREIGN_SHARE = 0.5  # of a line's characters
Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LineText:
    """Text of one line. `places`: for each character its step and probability; `steps`: how many the ink takes."""

    text: str
    places: tuple[tuple[int, float], ...]
    steps: float
    trace: Packed | None = None

    @property
    def score(self) -> float:
        """Mean probability of the characters; 0 for none."""
        return sum(p for _, p in self.places) / len(self.places) if self.places else 0.0


@dataclass(frozen=True)
class _Seen:
    features: Floats  # [steps, features]
    steps: float


class LineReader:
    """PP-OCR's recogniser on one thread. `session` runs an ONNX model; see `load`."""

    def __init__(self, session: Any, head: Headless, symbols: Sequence[str]) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._head = head
        self._symbols = list(symbols)
        self._kept = np.array([k for k, s in enumerate(symbols) if s == BLANK or is_latin(s)])
        self._latin = [self._symbols[k] for k in self._kept]
        self._weights = np.ascontiguousarray(head.weights[:, self._kept])
        self._bias = head.bias[self._kept]

    @classmethod
    def load(cls, path: Path, threads: int = 1) -> LineReader:
        """The recogniser in the ONNX file `path`. Raises `UnknownModel`."""
        import onnxruntime

        content = path.read_bytes()
        head = cut_head(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(head.body, options, providers=["CPUExecutionProvider"])
        return cls(session, head, symbols_of(content))

    def read(self, crops: Sequence[Image]) -> list[LineText]:
        """The text of every line of a page, in order."""
        seen = [self._look(crop) for crop in crops]
        lines = [self._latin_text(one) for one in seen]
        for number, line in enumerate(lines):
            if line.score < POOR and len(line.text) > 1:
                turned = self._look(np.ascontiguousarray(crops[number][::-1, ::-1]))
                other = self._latin_text(turned)
                if other.score > line.score:
                    seen[number], lines[number] = turned, _turned(other)
        return self._with_other_scripts(seen, lines)

    def _look(self, crop: Image) -> _Seen:
        height, width = crop.shape[:2]
        wide = max(STEP, math.ceil(HEIGHT * width / max(height, 1)))
        room = max(LEAST_WIDTH, STEP * math.ceil(wide / STEP))
        small = cv2.resize(crop, (wide, HEIGHT)).astype(np.float32).transpose(2, 0, 1)
        picture = np.zeros((1, 3, HEIGHT, room), np.float32)
        picture[0, :, :, :wide] = small / 127.5 - 1
        return _Seen(self._session.run(None, {self._input: picture})[0][0], wide / STEP)

    def _latin_text(self, seen: _Seen) -> LineText:
        scores = seen.features @ self._weights + self._bias
        logs, best, places = _decoded(scores)
        text = "".join(self._latin[best[k]] for k, _ in places)
        trace = trace_of(logs, self._latin)
        doubtful = [n for n, (_, p) in enumerate(places) if p < DOUBTFUL]
        if doubtful:  # of all characters, how likely was this one?
            at = [places[n][0] for n in doubtful]
            everything = _log_sum(seen.features[at] @ self._head.weights + self._head.bias)[:, 0]
            for n, k, whole in zip(doubtful, at, everything, strict=True):
                places[n] = k, float(np.exp(scores[k, best[k]] - whole))
        return LineText(text, tuple(places), seen.steps, trace)

    def _with_other_scripts(self, seen: Sequence[_Seen], lines: list[LineText]) -> list[LineText]:
        """The lines; where several surely are of another script, those as all characters have them."""
        doubtful = [n for n, line in enumerate(lines) if any(p < 1 - FOREIGN_SHARE for _, p in line.places)]
        full = {n: self._full_text(seen[n]) for n in doubtful}
        foreign = [n for n, line in full.items() if _is_foreign(line)]
        if len(foreign) < min(FOREIGN_LINES, len(lines)):
            return lines
        return [full[n] if n in foreign else line for n, line in enumerate(lines)]

    def _full_text(self, seen: _Seen) -> LineText:
        _, best, places = _decoded(seen.features @ self._head.weights + self._head.bias)
        return LineText("".join(self._symbols[best[k]] for k, _ in places), tuple(places), seen.steps)


def symbols_of(content: bytes) -> list[str]:
    """What the steps of a recogniser stand for: the blank, the characters in the ONNX file's metadata, the space."""
    entries = [{n: v for n, v, _ in fields(value)} for number, value, _ in fields(content) if number == METADATA]
    table = next(entry[2].decode() for entry in entries if entry[1] == b"character")
    return [BLANK, *table.splitlines(), " "]


def _decoded(scores: Floats) -> tuple[Floats, NDArray[np.int64], list[tuple[int, float]]]:
    """Log-probabilities of the symbols by step, the likeliest of each, and step and probability of the characters."""
    logs = scores - _log_sum(scores)
    best = logs.argmax(axis=1)
    return logs, best, [(k, float(np.exp(logs[k, best[k]]))) for k in _emitting(best)]


def _emitting(best: NDArray[np.int64]) -> list[int]:
    """Steps at which a new character begins; the blank is symbol 0."""
    new = np.append(True, best[1:] != best[:-1]) & (best != 0)
    return [int(k) for k in np.flatnonzero(new)]


def _log_sum(scores: Floats) -> Floats:
    most = scores.max(axis=1, keepdims=True)
    total: Floats = most + np.log(np.exp(scores - most).sum(axis=1, keepdims=True))
    return total


def _is_foreign(line: LineText) -> bool:
    sure = [c for c, (_, p) in zip(line.text, line.places, strict=True) if p > POOR and script_of(c) not in ("", LATIN)]
    return len(sure) > 1 and len(sure) >= FOREIGN_SHARE * len(line.text)


def _turned(line: LineText) -> LineText:
    """A line that was read upside down, with its places counted from the other end of its box."""
    places = tuple((max(0, round(line.steps) - 1 - k), p) for k, p in line.places)
    return LineText(line.text, places, line.steps, line.trace)
