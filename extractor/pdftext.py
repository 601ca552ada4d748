"""What PDFium knows of single characters and words of a page, through plain addresses.

Its Python binding checks the type of every pointer it passes, which for the words of a page costs four times what
PDFium itself needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium

from extractor.rows import Corners

INVISIBLE_MODES = (3, 7)  # PDF 32000-1, 9.3.6: neither filled nor stroked; clip only
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
_box = _bound(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)


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

    def rectangles(self, first: int, length: int) -> list[Corners]:
        """What so many characters cover: left, bottom, right, top of each piece."""
        found: list[Corners] = []
        for i in range(_count(self._page, first, length)):
            _rectangle(self._page, i, *self._at)
            left, top, right, bottom = self._four
            found.append((left, bottom, right, top))
        return found

    def box(self, index: int) -> Corners:
        """Left, bottom, right, top of one character."""
        _box(self._page, index, *self._at)
        left, right, bottom, top = self._four
        return left, bottom, right, top
