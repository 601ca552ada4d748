"""Tesseract as a program through pytesseract, for machines where only the binary is there."""

from __future__ import annotations

import os
import shutil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.values import Box, Word

SECONDS = 120


class TesseractEngine:
    """One process a page."""

    name = "tesseract"
    reads_slanted = False

    def __init__(self) -> None:
        import pytesseract

        if shutil.which(pytesseract.pytesseract.tesseract_cmd) is None:
            raise FileNotFoundError("the program tesseract is not installed")
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # three times cheaper than its default on one core
        self._module = pytesseract
        self.version = str(pytesseract.get_tesseract_version())

    def read(self, image: NDArray[np.uint8]) -> list[Word]:
        """Words of a page."""
        height, width = image.shape[:2]
        found = self._ask(image, 3)
        lines: dict[tuple[int, ...], int] = {}
        words: list[Word] = []
        for i, text in enumerate(found["text"]):
            confidence = float(found["conf"][i])
            if not text.strip() or confidence < 0:
                continue
            x, y, w, h = (found[k][i] for k in ("left", "top", "width", "height"))
            key = tuple(found[k][i] for k in ("block_num", "par_num", "line_num"))
            line = lines.setdefault(key, len(lines))
            box = Box(x / width, y / height, (x + w) / width, (y + h) / height)
            words.append(Word(text.strip(), box, min(1.0, confidence / 100), line))
        return words

    def read_crop(self, crop: NDArray[np.uint8], mode: int) -> tuple[str, float]:
        """Text of a small image on one line, and the mean confidence of its words (0 to 1)."""
        found = self._ask(crop, mode)
        kept = [(t.strip(), float(c)) for t, c in zip(found["text"], found["conf"], strict=True) if t.strip()]
        scores = [c for _, c in kept if c >= 0]
        return " ".join(t for t, _ in kept), sum(scores) / len(scores) / 100 if scores else 0.0

    def _ask(self, image: NDArray[np.uint8], mode: int) -> dict[str, Any]:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        answer: dict[str, Any] = self._module.image_to_data(
            grey, lang="eng", config=f"--psm {mode} --dpi 200", output_type=self._module.Output.DICT, timeout=SECONDS
        )
        return answer
