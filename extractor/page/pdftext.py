"""What PDFium knows of single characters, words and objects of a page, through plain addresses.

Its Python binding checks the type of every pointer it passes, which for the words of a page costs four times what
PDFium itself needs.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable
from typing import Any

import pypdfium2.raw as pdfium

from extractor.page.rows import Corners

LEAST_GAP = 0.6  # of the size of a character or piece: what is further from the last one is another word
INVISIBLE_MODES = (3, 7)  # PDF 32000-1, 9.3.6: neither filled nor stroked; clip only
_unpacked = struct.Struct("4d").unpack  # a fifth of the time of asking a ctypes array
_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int


def _bound(function: Any, answer: Any, *arguments: Any) -> Callable[..., Any]:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    bound: Callable[..., Any] = ctypes.PYFUNCTYPE(answer, *arguments)(address)
    return bound


_owner = _bound(pdfium.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
_mode = _bound(pdfium.FPDFTextObj_GetTextRenderMode, _INT, _ADDRESS)
_angle = _bound(pdfium.FPDFText_GetCharAngle, ctypes.c_float, _ADDRESS, _INT)
_count = _bound(pdfium.FPDFText_CountRects, _INT, _ADDRESS, _INT, _INT)
_rectangle = _bound(pdfium.FPDFText_GetRect, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
_object = _bound(pdfium.FPDFPage_GetObject, _ADDRESS, _ADDRESS, _INT)
_kind = _bound(pdfium.FPDFPageObj_GetType, _INT, _ADDRESS)
_box = _bound(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)


def kinds_of_objects(page: Any, indexes: Iterable[int]) -> list[int]:
    """What the objects of a raw page are, each as one of PDFium's ``FPDF_PAGEOBJ_`` numbers."""
    address = ctypes.cast(page, ctypes.c_void_p).value
    return [_kind(_object(address, i)) for i in indexes]


class Characters:
    """The characters of one text page of pypdfium2, by their index, in page space. It must outlive this."""

    def __init__(self, raw: Any) -> None:
        self._page = ctypes.cast(raw, ctypes.c_void_p).value
        self._four = (ctypes.c_double * 4)()
        at = ctypes.addressof(self._four)
        self._at = at, at + 8, at + 16, at + 24
        self._painted: dict[int, bool] = {}

    def is_painted(self, index: int) -> bool:
        """Whether a character is drawn at all."""
        owner = _owner(self._page, index)
        if not owner:
            return True
        known = self._painted.get(owner)
        if known is None:
            known = self._painted[owner] = _mode(owner) not in INVISIBLE_MODES
        return known

    def angle(self, index: int) -> float:
        """Of its baseline, in radians."""
        angle: float = _angle(self._page, index)
        return angle

    def whole(self, first: int, length: int) -> Corners | None:
        """Left, bottom, right, top of what so many characters cover; None if it is nothing or there is a gap in it."""
        page, four, (a, b, c, d) = self._page, self._four, self._at
        count = _count(page, first, length)
        if not count:
            return None
        _rectangle(page, 0, a, b, c, d)
        left, top, right, bottom = _unpacked(four)
        for i in range(1, count):
            _rectangle(page, i, a, b, c, d)
            x0, y1, x1, y0 = _unpacked(four)
            gap = max(x0 - right, left - x1, y0 - top, bottom - y1)
            if gap > LEAST_GAP:
                size = max(min(right - left, top - bottom), min(x1 - x0, y1 - y0), 1.0)
                if gap > LEAST_GAP * size:
                    return None
            left, bottom, right, top = min(left, x0), min(bottom, y0), max(right, x1), max(top, y1)
        return left, bottom, right, top

    def box(self, index: int) -> Corners:
        """Left, bottom, right, top of one character."""
        _box(self._page, index, *self._at)
        left, right, bottom, top = _unpacked(self._four)
        return left, bottom, right, top
