"""RapidOCR (PP-OCRv6 small as ONNX, models inside its wheel): the default engine.

With COUNTERSIGN_OCR_CACHE set to a folder, what the networks answer is kept there by pixel content, version and
settings.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from models.values import Box, Word

CACHE_VARIABLE = "COUNTERSIGN_OCR_CACHE"
MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
    "Cls.model_path": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}
SETTINGS: dict[str, Any] = {  # measured 20-35 % faster than the defaults at equal text
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
    "Global.max_side_len": 2000,
    "Det.limit_type": "max",
    "Det.limit_side_len": 1600,
    "Rec.rec_batch_num": 1,
    "Global.log_level": "error",
}


class RawWord(TypedDict):
    text: str
    score: float
    quad: list[list[float]]  # four points in pixels, clockwise from the top left


class RawLine(TypedDict):
    text: str
    score: float
    quad: list[list[float]]
    words: list[RawWord]


def version() -> str:
    """Version of the wheel, which carries the models."""
    return importlib.metadata.version("rapidocr")


def cache_folder() -> Path | None:
    """Where raw answers are kept, or None: ``$COUNTERSIGN_OCR_CACHE/rapidocr-{version}-{digest of the settings}``."""
    root = os.environ.get(CACHE_VARIABLE)
    if not root:
        return None
    digest = hashlib.sha256(json.dumps([SETTINGS, MODELS], sort_keys=True).encode()).hexdigest()[:8]
    return Path(root) / f"rapidocr-{version()}-{digest}"


def load(**overrides: Any) -> Any:
    """A RapidOCR with its models by explicit path, so that nothing is ever downloaded."""
    import rapidocr

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    folder = Path(rapidocr.__file__).parent / "models"
    paths = {k: str(folder / name) for k, name in MODELS.items()}
    missing = [p for p in paths.values() if not Path(p).is_file()]
    if missing:
        raise FileNotFoundError(f"this build of rapidocr lacks its models: {missing}")
    return rapidocr.RapidOCR(params=SETTINGS | paths | overrides)


class RapidEngine:
    """PP-OCRv6 through onnxruntime, pinned to one thread."""

    name = "rapidocr"
    reads_slanted = True  # it cuts every line out along its own slant

    def __init__(self) -> None:
        self.version = version()
        self._rapid: Any = None  # loaded at the first page that is not cached

    def read(self, image: NDArray[np.uint8]) -> list[Word]:
        """Words of `image`; words of one detected line share `Word.line`."""
        height, width = image.shape[:2]
        return [
            Word(text, box, score, number)
            for number, line in enumerate(self.read_raw(image))
            for text, box, score in words_of_line(line, width, height)
        ]

    def read_raw(self, image: NDArray[np.uint8]) -> list[RawLine]:
        """Lines as the networks give them, from the cache if it is on and has them."""
        folder = cache_folder()
        path = folder / f"{pixel_digest(image)}.json" if folder else None
        if path and path.is_file():
            kept: list[RawLine] = json.loads(path.read_text(encoding="utf-8"))["lines"]
            return kept
        lines = self._recognise(image)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.tmp")
            part.write_text(json.dumps({"shape": image.shape, "lines": lines}), encoding="utf-8")
            part.replace(path)
        return lines

    def _recognise(self, image: NDArray[np.uint8]) -> list[RawLine]:
        self._rapid = self._rapid or load()
        result = self._rapid(image, return_word_box=True)
        if not result.txts:
            return []
        words = list(result.word_results or ())
        if len(words) != len(result.txts):  # rapidocr drops the empty ones, so the rest would shift
            words = [()] * len(result.txts)
        return [
            RawLine(text=text, score=float(score), quad=quad, words=[_raw_word(*w) for w in found])
            for quad, text, score, found in zip(result.boxes.tolist(), result.txts, result.scores, words, strict=True)
        ]


def _raw_word(text: str, score: float, quad: Any) -> RawWord:
    return RawWord(text=text, score=float(score), quad=np.asarray(quad).tolist())


def pixel_digest(image: NDArray[np.uint8]) -> str:
    """SHA-256 over shape and pixels."""
    return hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest()


def words_of_line(line: RawLine, width: int, height: int) -> list[tuple[str, Box, float]]:
    """Whole words of a line: its text cut at blanks, each word with the boxes and scores of the pieces it is made of.

    RapidOCR's own pieces split at digits and scripts ("12", ",") and may join what a blank separates; the line's text
    is the authority, and the pieces only say where each character stands. Without usable pieces the line's box is
    shared out evenly.
    """
    places = _places(line)
    words: list[tuple[str, Box, float]] = []
    at = 0
    for token in line["text"].split():
        own = places[at : at + len(token)]
        at += len(token)
        x0, y0 = min(p[0] for p in own), min(p[1] for p in own)
        x1, y1 = max(p[2] for p in own), max(p[3] for p in own)
        box = Box(_share(x0, width), _share(y0, height), _share(x1, width), _share(y1, height))
        words.append((token, box, min(1.0, max(0.0, sum(p[4] for p in own) / len(own)))))
    return words


Place = tuple[float, float, float, float, float]  # corners in pixels, score


def _places(line: RawLine) -> list[Place]:
    """Corners and score of every character of the line that is not blank."""
    bare = "".join(line["text"].split())
    pieces = [(w["text"], w["quad"], w["score"]) for w in line["words"]]
    if "".join("".join(t.split()) for t, _, _ in pieces) != bare:
        pieces = [(line["text"], line["quad"], line["score"])]
    return [place for piece in pieces for place in _spread(*piece)]


def _spread(text: str, quad: list[list[float]], score: float) -> list[Place]:
    """The characters of one piece, evenly along its box: along the width, or down a box of turned text."""
    xs, ys = [p[0] for p in quad], [p[1] for p in quad]
    x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
    count = max(1, len(text))
    places: list[Place] = []
    for i, character in enumerate(text):
        if character.isspace():
            continue
        a, b = i / count, (i + 1) / count
        if y1 - y0 > 1.5 * (x1 - x0) and count > 1:
            places.append((x0, y0 + (y1 - y0) * a, x1, y0 + (y1 - y0) * b, score))
        else:
            places.append((x0 + (x1 - x0) * a, y0, x0 + (x1 - x0) * b, y1, score))
    return places


def _share(value: float, of: int) -> float:
    return min(1.0, max(0.0, value / of))
