"""Pictures of more than eight bits a channel: what their numbers mean as light, and what a TIFF says of its frames."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TOPS = (255, 1023, 4095, 16_383, 32_767, 65_535, 2**32 - 1)  # white in pictures of 8 to 32 bits
LEAST, FAINT = 1 / 64, 1 / 4  # of the range from black to white: less is an empty page, less than this is drawn apart
DENSITY = (1.1, 8.0)  # ratio of the two resolutions that is believed to be no rounding and no mistake


@dataclass(frozen=True)
class Frame:
    """One page of a TIFF. `stretch` makes its pixels square: times higher, or where below 1 wider."""

    index: int
    width: int
    height: int
    bits: int
    white_is_zero: bool
    stretch: float


def tiff_frames(data: bytes, most: int) -> list[Frame]:
    """At most `most` pages of a TIFF, small previews left out. Raises what Pillow raises at a broken directory."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    file = io.BytesIO(data)
    head = file.read(8)
    if head[2] == 43 or head[3] == 43:
        head += file.read(8)
    directory = ImageFileDirectory_v2(head)
    frames: list[Frame] = []
    index, seen = 0, set[int]()
    while directory.next and directory.next not in seen and len(frames) < most:
        seen.add(directory.next)
        file.seek(directory.next)
        directory.load(file)
        if not _first(directory.get(254, 0)) & 1:
            frames.append(_frame(directory, index))
        index += 1
    return frames


def _frame(directory: Any, index: int) -> Frame:
    width, height = int(directory[256]), int(directory[257])
    bits = max(int(b) for b in np.atleast_1d(directory.get(258, 1)))
    across, down = (float(_first(directory.get(tag, 1))) for tag in (282, 283))
    ratio = across / down if across > 0 and down > 0 else 1.0
    believed = DENSITY[0] < max(ratio, 1 / ratio) < DENSITY[1]
    return Frame(index, width, height, bits, _first(directory.get(262, 1)) == 0, ratio if believed else 1.0)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def contrasted(picture: NDArray[Any], white_is_zero: bool = False) -> NDArray[np.uint8]:
    """Grey, BGR or BGRA of any depth as BGR of eight bits. What is faint all over is drawn apart."""
    light = _light(picture, white_is_zero)
    if light.ndim == 3 and light.shape[2] == 1:
        light = light[:, :, 0]
    if light.ndim == 3 and light.shape[2] == 4:
        clear = light[:, :, 3:]
        light = light[:, :, :3] * clear + (1 - clear)
    low, high = np.percentile(light, (0.5, 99.5))
    if LEAST < high - low < FAINT:
        light = (light - low) / (high - low)
    eight = np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(eight if eight.ndim == 3 else cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR))


def _light(picture: NDArray[Any], white_is_zero: bool) -> NDArray[np.float32]:
    """0 for black, 1 for white: by the least depth that holds the largest number."""
    values = np.nan_to_num(picture.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = min(float(values.min()), 0.0), float(values.max())
    if low < 0:
        values, high = values - low, high - low
        top = high or 1.0
    elif np.issubdtype(picture.dtype, np.floating) and high <= 1:
        top = 1.0
    else:
        top = next((float(t) for t in TOPS if high <= t), high)
    light = (values / top).astype(np.float32)
    return 1 - light if white_is_zero else light
