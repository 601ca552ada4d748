"""Tesseract in process through tesserocr: an engine for pages, and the cheap reader of single crops."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.ocr.tessdata import tessdata_folder
from models.values import Box, Word

PAGE_MODE = 3  # fully automatic
BLOCK_MODE = 6
LINE_MODE = 7


class TesserocrEngine:
    """One kept Tesseract; its own OpenMP is not linked, so it is one thread."""

    name = "tesserocr"
    reads_slanted = False

    def __init__(self) -> None:
        import tesserocr

        self._module = tesserocr
        self.version = tesserocr.tesseract_version().split()[1]
        self._api = tesserocr.PyTessBaseAPI(path=tessdata_folder(), lang="eng", psm=PAGE_MODE)

    def read(self, image: NDArray[np.uint8]) -> list[Word]:
        """Words of a page."""
        height, width = image.shape[:2]
        self._show(image, PAGE_MODE)
        self._api.Recognize()
        words: list[Word] = []
        found = self._api.GetIterator()
        line = -1
        for item in self._module.iterate_level(found, self._module.RIL.WORD) if found else ():
            line += bool(item.IsAtBeginningOf(self._module.RIL.TEXTLINE))
            word = self._word(item, width, height, max(line, 0))
            if word:
                words.append(word)
        self._api.Clear()
        return words

    def _word(self, item: Any, width: int, height: int, line: int) -> Word | None:
        level = self._module.RIL.WORD
        try:
            text = item.GetUTF8Text(level).strip()
        except RuntimeError:  # how tesserocr says that there is none
            return None
        corners = item.BoundingBox(level)
        if not text or corners is None:
            return None
        x0, y0, x1, y1 = corners
        box = Box(x0 / width, y0 / height, x1 / width, y1 / height)
        return Word(text, box, min(1.0, max(0.0, item.Confidence(level) / 100)), line)

    def read_crop(self, crop: NDArray[np.uint8], mode: int) -> tuple[str, float]:
        """Text of a small image on one line, and the mean confidence of its words (0 to 1)."""
        self._show(crop, mode)
        text = " ".join(self._api.GetUTF8Text().split())
        scores = self._api.AllWordConfidences()
        self._api.Clear()
        return text, sum(scores) / len(scores) / 100 if scores else 0.0

    def _show(self, image: NDArray[np.uint8], mode: int) -> None:
        grey = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image)
        self._api.SetPageSegMode(mode)
        self._api.SetImageBytes(grey.tobytes(), grey.shape[1], grey.shape[0], 1, grey.shape[1])
        self._api.SetSourceResolution(200)
