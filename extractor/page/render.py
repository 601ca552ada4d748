"""Bytes to page images: PDF and pictures, drawn in a child process, with the text layer that a PDF carries.

A page is drawn at `Limits.dpi` unless its long side would pass `Limits.max_side`, or more for till rolls
(`pictures.room`); pictures are only ever made smaller.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.page.locked import open_pdf, refuse_shell
from extractor.page.pdfobjects import user_units
from extractor.page.pictures import PICTURES, room
from extractor.page.textlayer import Layer, read_layer
from extractor.page.triage import (
    KINDS,
    PDF,
    REFUSALS,
    XML,
    Limits,
    NoPages,
    NotADocument,
    Refusal,
    TooManyPages,
    TooMuchMemory,
    TooSlow,
    Triage,
    Unrenderable,
    triage,
)
from extractor.processes import sandbox
from models.values import Box, Word

Image = NDArray[np.uint8]
PNG_FLAGS = [  # a third of the time of OpenCV's defaults at the same size, for print
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
]
COLOUR_ROWS = 16  # every so many rows are looked at first for colour


@dataclass(frozen=True)
class RenderedPage:
    """One page image. The text layer's boxes are fractions of `png`; `layer_turn` would bring its text upright."""

    number: int
    png: bytes
    width: int
    height: int
    text_layer: tuple[Word, ...] = ()
    layer_turn: int = 0  # degrees clockwise; the words are in reading order already
    scan: bool = False  # a page-sized picture carries the ink, so the layer is somebody's OCR


def render(data: bytes, limits: Limits, renderer: str = "pypdfium2") -> list[RenderedPage]:
    """All pages of a document, in a child process. Raises `Refusal`; `renderer` is a key of `PDF_RENDERERS`."""
    if renderer not in PDF_RENDERERS:
        raise ValueError(f"no renderer {renderer!r}; there are {sorted(PDF_RENDERERS)}")
    kind = triage(data, limits)
    if kind == XML:
        raise NotADocument("The file is data alone: it has no page to be drawn.")
    header = {"limits": asdict(limits), "renderer": renderer, "suffix": kind.suffix}
    try:
        answer, blobs = sandbox.call(
            "extractor.page.render:render_job", header, [data], seconds=limits.seconds, memory_bytes=limits.memory_bytes
        )
        if "refusal" in answer:
            raise REFUSALS[answer["refusal"]](answer["message"])
        return [_page(facts, png) for facts, png in zip(answer["pages"], blobs, strict=True)]
    except sandbox.ChildTimedOut as error:
        raise TooSlow(f"The document could not be drawn within {limits.seconds} seconds.") from error
    except sandbox.ChildOutOfMemory as error:
        raise TooMuchMemory("The document needs too much memory to be drawn.") from error
    except sandbox.SandboxFailed as error:
        raise Unrenderable("The document cannot be drawn; it seems to be damaged.") from error


def _page(facts: dict[str, Any], png: bytes) -> RenderedPage:
    words = tuple(Word(text, Box(*box), 1.0, line, segment) for text, box, line, segment in facts.pop("words"))
    return RenderedPage(png=png, text_layer=words, **facts)


# --- in the child -----------------------------------------------------------------------------------------------------


def render_job(header: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child does: draw, encode, and say refusals in words."""
    cv2.setNumThreads(1)
    limits = Limits(**header["limits"])
    pages: list[dict[str, Any]] = []
    pictures: list[bytes] = []
    try:
        for number, (image, layer) in enumerate(draw(blobs[0], KINDS[header["suffix"]], limits, header["renderer"]), 1):
            words = [(w.text, (w.box.x0, w.box.y0, w.box.x1, w.box.y1), w.line, w.segment) for w in layer.words]
            height, width = image.shape[:2]
            pages.append({
                "number": number, "width": width, "height": height, "words": words,
                "layer_turn": layer.turn, "scan": layer.scan,
            })  # fmt: skip
            pictures.append(encode_png(image))
    except Refusal as refusal:
        return {"refusal": refusal.code, "message": refusal.message}, []
    if not pages:
        return {"refusal": NoPages.code, "message": "The document has no pages."}, []
    return {"pages": pages}, pictures


def draw(data: bytes, kind: Triage, limits: Limits, renderer: str) -> Iterator[tuple[Image, Layer]]:
    """Pages of `data` as BGR images with their text layers."""
    if kind == PDF:
        return _draw_pdf(data, limits, renderer)
    return ((image, Layer()) for image in PICTURES[kind](data, limits))


def _draw_pdf(data: bytes, limits: Limits, renderer: str) -> Iterator[tuple[Image, Layer]]:
    import pypdfium2 as pdfium

    with open_pdf(data) as document:
        if len(document) > limits.max_pages:
            raise TooManyPages(f"The document has {len(document)} pages; at most {limits.max_pages} are accepted.")
        refuse_shell(document)
        document.init_forms()  # so that what people filled in is drawn
        units = user_units(data)
        for index in range(len(document)):
            try:
                page = document[index]
                width, height = page.get_size()
                scale = _scale(width, height, limits, units.get(index, 1.0))
                image = PDF_RENDERERS[renderer](data, page, index, scale)
            except pdfium.PdfiumError as error:
                raise Unrenderable(f"Page {index + 1} cannot be drawn; the PDF seems to be damaged.") from error
            layer = read_layer(page, image.shape[1], image.shape[0])
            page.close()
            yield image, layer


def _scale(width: float, height: float, limits: Limits, unit: float = 1.0) -> float:
    """Pixels per unit of the page, of which each is `unit` points long (/UserUnit; PDFium knows nothing of it).

    A box without extent or absurdly long is refused rather than drawn as a line.
    """
    longest, shortest = max(width, height), min(width, height)
    if shortest * unit < 1 or longest > 200 * shortest:
        raise Unrenderable(f"A page measures {width * unit:.0f} x {height * unit:.0f} points, which is no page.")
    return min(limits.dpi / 72 * unit, room(width, height, limits.max_side) / longest)


def _with_pdfium(_: bytes, page: Any, __: int, scale: float) -> Image:
    return np.ascontiguousarray(page.render(scale=scale, bitmap_maker=_white_paper).to_numpy()[:, :, :3])


def _white_paper(*size: Any, **settings: Any) -> Any:
    """A bitmap that is painted white at once instead of pixel by pixel."""
    import pypdfium2 as pdfium

    bitmap = pdfium.PdfBitmap.new_native(*size, **settings)
    buffer = bitmap.buffer  # naming the bitmap would tie it to itself: megabytes a page until cycles are looked for
    bitmap.fill_rect = lambda *_: ctypes.memset(buffer, 255, len(buffer))
    return bitmap


def _with_pdf2image(data: bytes, page: Any, index: int, scale: float) -> Image:
    from pdf2image import convert_from_bytes

    width, height = (int(np.ceil(v * scale)) for v in page.get_size())
    pictures = convert_from_bytes(
        data, first_page=index + 1, last_page=index + 1, size=(width, height), use_cropbox=True, fmt="ppm"
    )
    return _bgr(np.asarray(pictures[0].convert("RGB")))


PDF_RENDERERS: dict[str, Callable[[bytes, Any, int, float], Image]] = {
    "pypdfium2": _with_pdfium,
    "pdf2image": _with_pdf2image,
}


def _bgr(rgb: NDArray[np.uint8]) -> Image:
    return np.ascontiguousarray(rgb[:, :, ::-1])


def encode_png(image: Image) -> bytes:
    """Lossless. A page without colour is stored grey, which is three times smaller and decodes to the same pixels."""
    stored = image if image.ndim == 2 or _has_colour(image) else cv2.extractChannel(image, 0)
    return cv2.imencode(".png", stored, PNG_FLAGS)[1].tobytes()


def _has_colour(image: Image) -> bool:
    few = image[::COLOUR_ROWS]
    if not (np.array_equal(few[:, :, 0], few[:, :, 1]) and np.array_equal(few[:, :, 0], few[:, :, 2])):
        return True  # most pages with colour show it there, at a tenth of the price
    blue, green, red = (cv2.extractChannel(image, channel) for channel in range(3))
    return not (np.array_equal(blue, green) and np.array_equal(blue, red))


def decode_png(png: bytes) -> Image:
    """The BGR pixels of a page image of ours."""
    return _decoded(png, cv2.IMREAD_COLOR)


def decode_as_stored(png: bytes) -> Image:
    """The pixels of a page image of ours: BGR, or grey (height, width) for a page without colour."""
    return _decoded(png, cv2.IMREAD_UNCHANGED)


def _decoded(png: bytes, mode: int) -> Image:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), mode)
    if image is None:
        raise ValueError("not a page image")
    return image.astype(np.uint8, copy=False)
