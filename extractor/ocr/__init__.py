"""The table of OCR engines and what each must do: an image in, words out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.values import Word


class Engine(Protocol):
    """Reads one image.

    `read` gets BGR pixels (height, width, 3) and returns words with boxes in fractions of that image, `Word.line`
    naming the line as the engine saw it; rows and reading order are made later, the same way for all engines. One
    instance per process, one thread. `reads_slanted` says whether turned and slanted lines do it no harm.
    """

    name: str
    version: str
    reads_slanted: bool

    def read(self, image: NDArray[np.uint8]) -> list[Word]: ...


@runtime_checkable
class CropReader(Protocol):
    """Reads one small image: its text on one line, and the mean confidence of its words (0 to 1)."""

    def read_crop(self, crop: NDArray[np.uint8], mode: int) -> tuple[str, float]: ...


def _rapidocr() -> Engine:
    from extractor.ocr.rapid import RapidEngine

    return RapidEngine()


def _tesserocr() -> Engine:
    from extractor.ocr.tesser import TesserocrEngine

    return TesserocrEngine()


def _tesseract() -> Engine:
    from extractor.ocr.tesseract import TesseractEngine

    return TesseractEngine()


ENGINES: dict[str, Callable[[], Engine]] = {"rapidocr": _rapidocr, "tesserocr": _tesserocr, "tesseract": _tesseract}
DEFAULT_ENGINE = "rapidocr"

_loaded: dict[str, Engine] = {}


def engine(name: str) -> Engine:
    """The one instance of an engine in this process. `name` is a key of `ENGINES`, or ``module:factory``."""
    if name not in _loaded:
        _loaded[name] = factory(name)()
    return _loaded[name]


def factory(name: str) -> Callable[[], Engine]:
    """What makes the engine `name`. Raises KeyError for a name that is not in the table."""
    module, _, attribute = name.partition(":")
    if not attribute:
        return ENGINES[name]
    made: Callable[[], Engine] = getattr(importlib.import_module(module), attribute)
    return made
