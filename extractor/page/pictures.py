"""Pictures to pixels, eight bits a channel: JPEG, PNG, TIFF, WebP, BMP, GIF, JPEG 2000, HEIC; every frame a page.

Deep pictures (10 to 64 bits, floating point) are shown with the contrast that they have. Runs in the child process.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from extractor.page.deep import contrasted, tiff_frames
from extractor.page.triage import (
    BMP,
    GIF,
    HEIC,
    JPEG,
    JPEG_2000,
    PNG,
    TIFF,
    WEBP,
    Limits,
    NotADocument,
    TooManyPages,
    TooManyPixels,
    Triage,
    Truncated,
    Unrenderable,
    check_pixels,
)

Image = NDArray[np.uint8]
DAMAGED = "The image cannot be decoded; it seems to be damaged."
WIDE_ENOUGH = 2**-0.5  # short side of a page against `max_side`: what a sheet of A4 gets
LONG = 2.5  # times longer than wide, as till rolls are: such a page is not shrunk until its lines cannot be read
LONGEST_SIDE = 14_000


def room(width: float, height: float, max_side: int) -> float:
    """Most pixels of the long side of such a page: `max_side`, and for a long one as many as its width needs."""
    longest, shortest = max(width, height), min(width, height)
    if longest <= LONG * shortest:
        return max_side
    return min(LONGEST_SIDE, max(max_side, max_side * WIDE_ENOUGH * longest / shortest))


def shrink(image: Image, max_side: int) -> Image:
    """`image` no larger than there is `room` for."""
    height, width = image.shape[:2]
    scale = room(width, height, max_side) / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < 8:
        raise TooManyPixels(f"The image measures {width} x {height} pixels, which is no page.")
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _decode_jpeg(data: bytes, limits: Limits) -> Iterator[Image]:
    """EXIF orientation is applied by OpenCV."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise Unrenderable(DAMAGED)
    yield shrink(image.astype(np.uint8, copy=False), limits.max_side)


def _decode_png(data: bytes, limits: Limits) -> Iterator[Image]:
    """Pillow would cut sixteen bits a colour down to the upper eight, which may all be black."""
    if data[24] <= 8:
        yield from _decode_with_pillow(data, limits)
        return
    deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise Unrenderable(DAMAGED)
    yield shrink(contrasted(deep), limits.max_side)


def _decode_tiff(data: bytes, limits: Limits) -> Iterator[Image]:
    """Every page; those of more than eight bits by libtiff, the others by Pillow, which knows more compressions."""
    try:
        frames = tiff_frames(data, limits.max_pages + 1)
    except (OSError, SyntaxError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise Unrenderable(DAMAGED) from error
    if len(frames) > limits.max_pages:
        raise TooManyPages(f"The document has more than {limits.max_pages} pages, which is the most that is accepted.")
    for frame in frames:
        check_pixels(frame.width, frame.height, limits)
        if frame.bits <= 8:
            image = next(_decode_with_pillow(data, limits, frame.index))
        else:
            deep = cv2.imdecodemulti(
                np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(frame.index, frame.index + 1)
            )[1]
            if not deep:
                raise Unrenderable(DAMAGED)
            image = contrasted(deep[0], frame.white_is_zero)
        yield shrink(_square_pixels(image, frame.stretch, limits), limits.max_side)


def _square_pixels(image: Image, stretch: float, limits: Limits) -> Image:
    """A fax of 204 x 98 dots an inch is drawn out to what the paper looked like."""
    if stretch == 1:
        return image
    height, width = image.shape[:2]
    size = (width, round(height * stretch)) if stretch > 1 else (round(width / stretch), height)
    check_pixels(*size, limits)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


PILLOW = ("PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "HEIF")


def _decode_with_pillow(data: bytes, limits: Limits, frame: int | None = None) -> Iterator[Image]:
    """Every frame, or one, flattened on white."""
    from PIL import Image as Pillow
    from PIL import ImageOps, ImageSequence, UnidentifiedImageError

    warnings.simplefilter("ignore")
    Pillow.MAX_IMAGE_PIXELS = None  # our own limit is checked before a pixel is decoded
    try:
        with Pillow.open(io.BytesIO(data), formats=PILLOW) as picture:
            count = getattr(picture, "n_frames", 1)
            if frame is None and count > limits.max_pages:
                raise TooManyPages(f"The document has {count} pages; at most {limits.max_pages} are accepted.")
            if frame is not None:
                picture.seek(frame)
            for shown in ImageSequence.Iterator(picture) if frame is None else (picture,):
                check_pixels(*shown.size, limits)
                image = _flatten(ImageOps.exif_transpose(shown))
                yield image if frame is not None else shrink(image, limits.max_side)
    except UnidentifiedImageError as error:
        raise NotADocument("The image cannot be recognised.") from error
    except (OSError, SyntaxError, EOFError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if "truncated" in str(error).lower() or "end of file" in str(error).lower():
            raise Truncated("The image stops before its end.") from error
        raise Unrenderable(DAMAGED) from error


def _decode_heif(data: bytes, limits: Limits) -> Iterator[Image]:
    import pi_heif

    pi_heif.register_heif_opener(thumbnails=False)
    return _decode_with_pillow(data, limits)


def _flatten(picture: Any) -> Image:
    """Any Pillow mode to BGR: deep ones with their contrast, transparency on white."""
    from PIL import Image as Pillow

    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return contrasted(np.asarray(picture))
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", clear.size, "white"), clear)
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])


PICTURES: dict[Triage, Callable[[bytes, Limits], Iterator[Image]]] = {
    JPEG: _decode_jpeg,
    PNG: _decode_png,
    TIFF: _decode_tiff,
    WEBP: _decode_with_pillow,
    BMP: _decode_with_pillow,
    GIF: _decode_with_pillow,
    JPEG_2000: _decode_with_pillow,
    HEIC: _decode_heif,
}
