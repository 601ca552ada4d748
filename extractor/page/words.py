"""One page image to words: its text layer if the ink bears it out, else an engine; upright, level, in reading order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.codes.symbols import read_codes
from extractor.measure.cost import cpu_seconds
from extractor.ocr import engine
from extractor.ocr.guard import checked
from extractor.page import textlayer
from extractor.page.inkcheck import trusted_words
from extractor.page.render import decode_as_stored, encode_png
from extractor.page.rows import Piece, arrange, turn_box
from extractor.page.textlayer import Layer
from extractor.page.tiles import in_tiles
from extractor.page.upright import SKEW_DEGREES, read_level, read_upright, skew_of, turn_image
from extractor.rereading.traces import Line, pack
from extractor.second_reader import second_reading
from models.values import Box, Page, Word, codes_from_json, codes_to_json

Image = NDArray[np.uint8]
READING_VERSION = "3"  # raise it when the same pixels would give other words

NO_TEXT = "no_text"
LAYER_REFUSED = "text_layer_refused"


def read_job(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the reading child does: header and PNG in; page and, if it was turned, its upright PNG out."""
    begun = cpu_seconds()
    cv2.setNumThreads(1)
    words = tuple(word_from_list(w) for w in header["layer"]["words"])
    layer = Layer(words, header["layer"]["turn"], header["layer"]["scan"])
    image = decode_as_stored(blobs[0])
    page = read_words(image, layer, header["engine"], header["number"])
    upright = turn_image(image, page.rotation) if page.rotation else image
    page = replace(page, codes=read_codes(upright))
    turned = [encode_png(upright)] if page.rotation else []
    return page_to_dict(page) | {"cpu_seconds": round(cpu_seconds() - begun, 3)}, turned


def read_words(image: Image, layer: Layer, engine_name: str, number: int) -> Page:
    """The words of one page, BGR or grey, and the turn that brought it upright."""
    if layer.words:
        page = _from_layer(image, layer, number)
        if page:
            return page
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    reader = engine(engine_name)

    def read(picture: Image) -> list[Word]:
        return checked(reader.read(picture))

    turn, words = read_upright(image, in_tiles(read), turns_lines=reader.reads_slanted)
    image = turn_image(image, turn)
    height, width = image.shape[:2]
    skew = skew_of(words, width, height)
    if abs(skew) > SKEW_DEGREES and not reader.reads_slanted:
        words = read_level(image, skew, in_tiles(read))
    ordered = arrange(_pieces(words, width, height), width, height, skew if abs(skew) > 0.2 else 0.0)
    problems = tuple(p for p, there in ((NO_TEXT, not ordered), (LAYER_REFUSED, bool(layer.words))) if there)
    name = f"{reader.name}/{reader.version}"
    traced = pack(_traced(words, ordered))
    return Page(number, width, height, tuple(ordered), name, turn, problems, traces=traced)


def _traced(words: list[Word], ordered: list[Word]) -> list[Line]:
    """The traces of an engine's lines, each with the places of its words in reading order."""
    traces = {word.line: word.trace for word in words if word.trace}
    lines = {_place(word): word.line for word in words if word.trace}
    places: dict[int, list[int]] = {}
    for index, word in enumerate(ordered):
        line = lines.get(_place(word))
        if line is not None:
            places.setdefault(line, []).append(index)
    return [(tuple(indexes), traces[line]) for line, indexes in sorted(places.items())]


def _place(word: Word) -> tuple[str, float, float, float, float]:
    box = word.box
    return word.text, round(box.x0, 6), round(box.y0, 6), round(box.x1, 6), round(box.y1, 6)


def _from_layer(image: Image, layer: Layer, number: int) -> Page | None:
    upright = turn_image(image, layer.turn)
    if layer.turn:
        layer = replace(layer, words=tuple(replace(w, box=turn_box(w.box, layer.turn)) for w in layer.words))
    words = trusted_words(upright, layer, second_reading)
    if words is None:
        return None
    height, width = upright.shape[:2]
    return Page(number, width, height, words, textlayer.NAME, layer.turn)


def _pieces(words: list[Word], width: int, height: int) -> list[Piece]:
    lines: dict[int, Piece] = {}
    for w in words:
        corners = (w.box.x0 * width, w.box.y0 * height, w.box.x1 * width, w.box.y1 * height)
        lines.setdefault(w.line, Piece([])).words.append((w.text, corners, w.confidence))
    return list(lines.values())


# --- a page as JSON, between processes and in the cache ---------------------------------------------------------------


def word_from_list(item: list[Any]) -> Word:
    """The inverse of `word_to_list`."""
    text, box, confidence, line, segment, *seen = item
    corners = Box.from_list(float(v) for v in box)
    return Word(str(text), corners, float(confidence), int(line), int(segment), "".join(map(str, seen)))


def word_to_list(word: Word) -> list[Any]:
    """A word as JSON."""
    b = word.box
    corners = [round(float(v), 6) for v in (b.x0, b.y0, b.x1, b.y1)]
    seen = [word.seen] if word.seen else []
    return [word.text, corners, round(float(word.confidence), 5), word.line, word.segment, *seen]


def page_to_dict(page: Page) -> dict[str, Any]:
    """A page as JSON."""
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "words": [word_to_list(w) for w in page.words],
        "engine": page.engine,
        "rotation": page.rotation,
        "problems": list(page.problems),
        "traces": page.traces,
    } | codes_to_json(page.codes)


def page_from_dict(item: dict[str, Any]) -> Page:
    """The inverse of `page_to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
    words = tuple(word_from_list(w) for w in item["words"])
    problems = tuple(str(p) for p in item["problems"])
    number, width, height, rotation = (int(item[k]) for k in ("number", "width", "height", "rotation"))
    engine, traces = str(item["engine"]), str(item.get("traces", ""))
    return Page(number, width, height, words, engine, rotation, problems, codes_from_json(item), traces)
