"""The main line of reading: a rendered page to words."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass, replace

from extractor.ocr import DEFAULT_ENGINE, factory
from extractor.ocr.guard import READ_SECONDS, EngineFailed, call_guarded
from extractor.render import RenderedPage, decode_png, encode_png
from extractor.upright import turn_image
from extractor.wordcache import WordCache
from extractor.words import page_from_dict, word_to_list
from models.values import Page


@dataclass(frozen=True)
class ReadPage:
    """A page with its words, and the PNG that their boxes refer to: the upright one that is served."""

    page: Page
    png: bytes


def read_page(
    rendered: RenderedPage,
    engine: str = DEFAULT_ENGINE,
    cache: WordCache | None = None,
    seconds: float = READ_SECONDS,
) -> ReadPage:
    """Words of one page, by its text layer or by `engine` (a key of `ENGINES`), in a child process. Raises `EngineFailed`."""
    factory(engine)  # an unknown name is the caller's mistake, not the engine's failure
    layer = {
        "words": [word_to_list(w) for w in rendered.text_layer],
        "turn": rendered.layer_turn,
        "scan": rendered.scan,
    }
    key = cache.key(rendered.png, engine_version(engine), _digest(layer)) if cache else ""
    kept = cache.get(key) if cache else None
    if kept:
        return ReadPage(replace(kept, number=rendered.number), _turned(rendered, kept.rotation))
    header = {"number": rendered.number, "layer": layer}
    answer, turned = call_guarded("extractor.words:read_job", engine, header, [rendered.png], seconds)
    try:
        page = page_from_dict(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineFailed(engine, "garbage", str(error)) from error
    if cache:
        cache.put(key, page)
    return ReadPage(page, turned[0] if turned else rendered.png)


def _digest(layer: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(layer).encode()).hexdigest() if layer["words"] else ""


def _turned(rendered: RenderedPage, rotation: int) -> bytes:
    return encode_png(turn_image(decode_png(rendered.png), rotation)) if rotation else rendered.png


DISTRIBUTIONS = {"rapidocr": "rapidocr", "tesserocr": "tesserocr", "tesseract": "pytesseract"}


def engine_version(engine: str) -> str:
    """Name and version of an engine, without loading it."""
    if engine not in DISTRIBUTIONS:
        return engine
    return f"{engine}/{importlib.metadata.version(DISTRIBUTIONS[engine])}"
