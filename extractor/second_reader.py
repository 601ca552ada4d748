"""A second opinion on one value: its crop read by an engine of another family than the page's.

Two different engines that agree are right 97.5 % of the time, which is the best sign of confidence there is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor import kinds
from extractor.kinds.text import compact, repair
from extractor.ocr import CropReader, engine
from extractor.ocr.tesser import BLOCK_MODE, LINE_MODE
from models.doctype import DocumentType, FieldSpec
from models.values import Box

MARGIN = 0.25  # of the crop's height, on every side
LINE_HEIGHT = 48  # of a line of a value
MIN_HEIGHT = 32  # pixels; lower crops are enlarged, which Tesseract needs and RapidOCR does not


def second_reading(image: NDArray[np.uint8], box: Box) -> tuple[str, float]:
    """Text in `box` of the page on one line, and its mean confidence (0 to 1); ("", 0.0) where nothing is seen.

    The page is BGR or grey.
    """
    crop = cut(image, box)
    lines = lines_in(crop) if crop.size else 0
    if not lines:  # Tesseract sees letters in blank paper
        return "", 0.0
    return _reader().read_crop(crop, BLOCK_MODE if lines > 1 else LINE_MODE)


def agrees(image: NDArray[np.uint8], box: Box, lines: int, text: str, spec: FieldSpec, doctype: DocumentType) -> bool:
    """Whether the second reader sees in `box` what the first one did: the same text, or the same value of its kind.

    Measured on 200 receipts out of fold: 97 % of the values were right where it agreed and 90 % where it did not; lines
    made 48 pixels high served best.
    """
    crop = cut(image, box, LINE_HEIGHT * lines + LINE_HEIGHT // 2)
    if not crop.size or not lines_in(crop):
        return False
    seen = _reader().read_crop(crop, BLOCK_MODE if lines > 1 else LINE_MODE)[0]
    if compact(repair(seen)) == compact(repair(text)):
        return True
    one, other = (kinds.normalise(spec.kind, said, doctype, spec) for said in (seen, text))
    return one is not None and other is not None and kinds.same(spec.kind, one, other)


def _reader() -> CropReader:
    try:
        reader = engine("tesserocr")
    except (ImportError, FileNotFoundError):
        reader = engine("tesseract")
    assert isinstance(reader, CropReader)
    return reader


def cut(image: NDArray[np.uint8], box: Box, least: int = MIN_HEIGHT) -> NDArray[np.uint8]:
    """The grey crop of `box` with a little margin, on a white border. A lower one is enlarged to `least` pixels."""
    height, width = image.shape[:2]
    margin = MARGIN * min(box.height * height, 40)
    x0, x1 = max(0, int(box.x0 * width - margin)), min(width, int(np.ceil(box.x1 * width + margin)))
    y0, y1 = max(0, int(box.y0 * height - margin)), min(height, int(np.ceil(box.y1 * height + margin)))
    crop = image[y0:y1, x0:x1]
    if crop.size == 0:
        return crop
    grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    if 0 < grey.shape[0] < least:
        scale = least / grey.shape[0]
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    ground = int(percentiles(np.asarray(grey, np.uint8), 90)[0])
    return cv2.copyMakeBorder(grey, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=ground).astype(np.uint8, copy=False)


def lines_in(grey: NDArray[np.uint8]) -> int:
    """How many rows of ink a crop holds."""
    low, high = percentiles(grey, 2, 90)
    if high - low < 20:
        return 0
    inked = (grey < (low + high) / 2).sum(axis=1) > 0.01 * grey.shape[1]
    starts = np.flatnonzero(np.diff(np.concatenate(([0], inked.astype(int), [0]))) == 1)
    ends = np.flatnonzero(np.diff(np.concatenate(([0], inked.astype(int), [0]))) == -1)
    heights = ends - starts
    return int((heights > 0.5 * heights.max()).sum()) if len(heights) else 0


def percentiles(grey: NDArray[np.uint8], *shares: float) -> list[float]:
    """`np.percentile`, number for number, in a third of its time."""
    up_to = np.bincount(grey.ravel(), minlength=256).cumsum()
    found: list[float] = []
    for share in shares:
        place, part = divmod((grey.size - 1) * (share / 100), 1)
        below, above = np.searchsorted(up_to, (place + 1, min(place + 2, grey.size))).tolist()
        found.append(above - (above - below) * (1 - part) if part >= 0.5 else below + (above - below) * part)
    return found
