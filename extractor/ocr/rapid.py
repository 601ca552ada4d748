"""RapidOCR (PP-OCRv6 small as ONNX, models inside its wheel): the default engine.

Its detector and its cutting of lines are used as they are; lines are read by `LineReader`, without the padding to 320
pixels, by the characters that the page may hold. With COUNTERSIGN_OCR_CACHE set to a folder, what the networks answer
is kept there by pixel content, version and settings.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from extractor.ocr.linereader import LineReader, LineText
from extractor.rereading.traces import Packed
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
    "Det.limit_side_len": 960,
    "Rec.rec_batch_num": 1,
    "Global.log_level": "error",
}
CLOSE_LOOK = 1600  # longest side in pixels of a page of small print for the detector, which costs three times as much
SMALL_PRINT = 14  # median height of a line at the first look, in its pixels, below which it is looked at again
LINES_VERSION = 1  # raise it when the same lines would be read otherwise
TALL = 1.5  # height over width from which a line is cut out turned
READABLE = 0.5  # least mean probability of a line's characters


class RawWord(TypedDict):
    text: str
    score: float
    quad: list[list[float]]  # four points in pixels, clockwise from the top left


class RawLine(TypedDict):
    text: str
    score: float
    quad: list[list[float]]
    words: list[RawWord]
    trace: NotRequired[Packed | None]


def version() -> str:
    """Version of the wheel, which carries the models."""
    return importlib.metadata.version("rapidocr")


def cache_folder() -> Path | None:
    """Where raw answers are kept, or None: ``$COUNTERSIGN_OCR_CACHE/rapidocr-{version}-{digest of the settings}``."""
    root = os.environ.get(CACHE_VARIABLE)
    if not root:
        return None
    told = [SETTINGS, MODELS, CLOSE_LOOK, SMALL_PRINT, LINES_VERSION]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
    return Path(root) / f"rapidocr-{version()}-{digest}"


def model_paths() -> dict[str, Path]:
    """The networks in the wheel, by the setting that names them. Raises FileNotFoundError."""
    import rapidocr

    folder = Path(rapidocr.__file__).parent / "models"
    paths = {key: folder / name for key, name in MODELS.items()}
    missing = [str(path) for path in paths.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"this build of rapidocr lacks its models: {missing}")
    return paths


def load(**overrides: Any) -> Any:
    """A RapidOCR with its models by explicit path, so that nothing is ever downloaded."""
    import rapidocr

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    paths = {key: str(path) for key, path in model_paths().items()}
    return rapidocr.RapidOCR(params=SETTINGS | paths | overrides)


class RapidEngine:
    """PP-OCRv6 through onnxruntime, pinned to one thread."""

    name = "rapidocr"
    reads_slanted = True  # it cuts every line out along its own slant

    def __init__(self) -> None:
        self.version = version()
        self._rapid: Any = None  # loaded at the first page that is not cached
        self._lines: LineReader | None = None

    def read(self, image: NDArray[np.uint8]) -> list[Word]:
        """Words of `image`; words of one detected line share `Word.line`, and its trace where it is not sure."""
        height, width = image.shape[:2]
        return [
            Word(text, box, score, number, trace=line.get("trace"))
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
        self._lines = self._lines or LineReader.load(model_paths()["Rec.model_path"])
        crops, quads = find_lines(self._rapid, image)
        read = zip(quads, self._lines.read(crops), strict=True)
        return [raw_line(quad, line) for quad, line in read if line.text.strip() and line.score >= READABLE]


Image = NDArray[np.uint8]
Quad = list[list[float]]


def find_lines(rapid: Any, image: Image) -> tuple[list[Image], list[Quad]]:
    """The lines on a page: their pictures, cut out level, and their corners in pixels of `image`."""
    from rapidocr.utils.process_img import map_boxes_to_original

    picture, record = rapid.preprocess_img(image)
    look = SETTINGS["Det.limit_side_len"]
    found = _detected(rapid, picture, record, look)
    longest = max(picture.shape[:2])
    if longest > look and (not found or _line_height(found[0]) * look / longest < SMALL_PRINT):
        found = _detected(rapid, picture, record, CLOSE_LOOK) or found
    if not found:
        return [], []
    crops, boxes = found
    return list(crops), map_boxes_to_original(boxes, record, *image.shape[:2]).tolist()


def _detected(rapid: Any, picture: Image, record: dict[str, Any], side: int) -> tuple[Sequence[Image], Any] | None:
    """Pictures and boxes of the lines, looked for in `picture` with at most `side` pixels."""
    from rapidocr.main import RapidOCRError

    rapid._load_det_model().limit_side_len = side  # it has no public way to look twice
    try:
        crops, found = rapid.detect_and_crop(picture, record)
    except RapidOCRError:  # how it says that there is nothing
        return None
    return crops, found.boxes


def _line_height(crops: Sequence[Image]) -> float:
    """Median height of the lines in pixels."""
    return float(np.median([min(crop.shape[:2]) for crop in crops]))


def raw_line(quad: Quad, line: LineText) -> RawLine:
    """A line with its words where they stand: each character takes the ink from its step on."""
    corners = np.asarray(quad, float)
    if np.linalg.norm(corners[0] - corners[3]) >= TALL * np.linalg.norm(corners[0] - corners[1]):
        corners = corners[[1, 2, 3, 0]]  # the crop was turned to the left
    words: list[RawWord] = []
    at = 0
    for token in line.text.split(" "):
        own = line.places[at : at + len(token)]
        at += len(token) + 1
        if own:
            start, end = (own[0][0] - 0.5) / line.steps, (own[-1][0] + 1.5) / line.steps
            score = sum(p for _, p in own) / len(own)
            words.append(RawWord(text=token, score=score, quad=_stretch(corners, start, end)))
    return RawLine(text=line.text, score=line.score, quad=quad, words=words, trace=line.trace)


def _stretch(corners: NDArray[np.float64], start: float, end: float) -> Quad:
    """The part of a quadrilateral between two shares of its length."""
    start = min(max(start, 0.0), 0.99)
    end = min(max(end, start + 0.005), 1.0)
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    parts = (corners[0] + top * start, corners[0] + top * end, corners[3] + bottom * end, corners[3] + bottom * start)
    return [[round(float(x), 2), round(float(y), 2)] for x, y in parts]


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
