"""Lines to train the pen detector with: cut from real pages, or drawn by hand and by machine on their paper."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fixtures.hands import STILL, TALL, Grey, by_digits, by_font, noise_from, shaken

Corners = tuple[float, float, float, float]
Draw = Callable[[str, random.Random], Grey]
KEPT = 48  # pixels: a taller line is made so small
MONTHS = ("Jan", "Feb", "Apr", "April", "May", "June", "July", "Aug", "August", "Sept", "October", "Nov", "Dec",
          "January", "February", "March", "September", "December")  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """A line with what is around it; `line` are its corners in pixels. `pen`: whether a hand wrote it."""

    image: Grey
    line: Corners
    pen: bool
    text: str = ""
    source: str = ""


def cut(image: NDArray[np.uint8], line: Corners) -> tuple[Grey, Corners] | None:
    """A line of a page with a margin of its own height, or None for a speck."""
    x0, y0, x1, y1 = line
    tall = y1 - y0
    if tall < 6 or x1 - x0 < 6:
        return None
    left, right = max(0, int(x0 - tall)), min(image.shape[1], int(x1 + tall))
    top, bottom = max(0, int(y0 - 0.7 * tall)), min(image.shape[0], int(y1 + 0.7 * tall))
    part = image[top:bottom, left:right]
    grey = part if part.ndim == 2 else np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    return _kept(grey, (x0 - left, y0 - top, x1 - left, y1 - top))


# --- what is written ---


def number(rng: random.Random) -> str:
    """A date, an amount or a number, in digits and separators."""
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1945, 2024)
    two = rng.random() < 0.5
    return rng.choice((
        f"{day}/{month}/{str(year)[2:] if two else year}",
        f"{day:02}/{month:02}/{str(year)[2:] if two else year}",
        f"{day:02}-{month:02}-{year}",
        f"{month}-{day}-{str(year)[2:]}",
        f"{day}.{month}.{year}",
        f"{rng.randint(1, 999)}.{rng.randint(0, 99):02}",
        f"${rng.randint(1, 99)},{rng.randint(0, 999):03}.{rng.randint(0, 99):02}",
        f"{rng.randint(1, 9999)}.{rng.choice(('00', '50', '90'))}",
        str(rng.randint(100, 9999)),
        str(rng.randint(1000, 999999)),
        f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    ))  # fmt: skip


def worded(texts: Sequence[str], rng: random.Random) -> str:
    """What documents say, or a date with its month in letters."""
    if rng.random() < 0.25:
        month = rng.choice(MONTHS)
        day, year = rng.randint(1, 31), rng.randint(1945, 2024)
        return rng.choice((f"{day} {month} {year}", f"{month} {day}, {year}", f"{month[:3]} {day}, {year}"))
    return rng.choice(texts)[: rng.randint(6, 34)].strip() or "7"


# --- on paper ---


def bare(crop: Crop, rng: random.Random) -> Grey:
    """The paper of a real line, its ink taken away: shade and grain stay."""
    size = int(crop.line[3] - crop.line[1]) // 2 * 2 + 1
    closed = cv2.morphologyEx(crop.image, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    paper = cv2.GaussianBlur(closed, (0, 0), size / 3).astype(np.float32)
    rest = crop.image - paper
    calm = rest[rest > -14]
    noise = noise_from(rng).standard_normal(paper.shape, np.float32)
    if rng.random() < 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 2
    shift = float(np.median(calm)) if calm.size else 0.0
    return np.clip(paper + shift + (float(calm.std()) if calm.size else 2.0) * noise, 0, 255).astype(np.uint8)


def on_paper(ink: Grey, paper: Grey, near: Sequence[Grey], rng: random.Random, pen: bool, text: str) -> Crop | None:
    """`ink` as a line of a page whose paper is `paper`, with lines of print `near` it."""
    rows, columns = inked(ink)
    if len(rows) < 12 or len(columns) < 8:
        return None
    ink = tight(ink)
    scale = rng.uniform(13, 40) / TALL
    ink = np.asarray(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    tall, wide = ink.shape
    if tall > 90 or wide < 6:
        return None
    high, broad = int(2.6 * tall) + 4, wide + int(2.2 * tall) + 4
    sheet = _stretched(paper, high, broad)
    y, x = int(0.8 * tall) + 2, int(1.1 * tall) + 2
    page = np.zeros((high, broad), np.float32)
    page[y : y + tall, x : x + wide] = ink / 255.0 * _pressure(ink.shape, rng)
    for other in near:
        _beside(page, other, (x, y, x + wide, y + tall), rng)
    _ruled(page, (x, y, x + wide, y + tall), rng)
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.3, 1.0))
    dark = rng.uniform(0.35, 1.0)
    image = np.clip(sheet * (1 - dark * np.clip(page * rng.uniform(1.0, 1.4), 0, 1)), 0, 255).astype(np.uint8)
    line = (x - rng.uniform(0, 0.12) * tall, y - rng.uniform(0, 0.3) * tall,
            x + wide + rng.uniform(0, 0.2) * tall, y + tall + rng.uniform(0, 0.25) * tall)  # fmt: skip
    return Crop(*_kept(image, line), pen, text, "drawn")


def inked(ink: Grey) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns with ink."""
    return np.flatnonzero(ink.max(axis=1) > 100), np.flatnonzero(ink.max(axis=0) > 100)


def tight(ink: Grey) -> Grey:
    """Without the empty rows and columns around."""
    rows, columns = inked(ink)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _kept(image: Grey, line: Corners) -> tuple[Grey, Corners]:
    """No taller than a line is kept."""
    scale = min(1.0, KEPT / (line[3] - line[1]))
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    x0, y0, x1, y1 = (v * scale for v in line)
    return image, (x0, y0, x1, y1)


def _pressure(shape: tuple[int, int], rng: random.Random) -> NDArray[np.float32]:
    """Ink is not equally dark everywhere."""
    force = noise_from(rng).standard_normal((2, max(2, shape[1] // 12)), np.float32) * rng.uniform(0, 0.2)
    return np.clip(1 - np.abs(cv2.resize(force, (shape[1], shape[0]))), 0.3, 1).astype(np.float32)


def _stretched(paper: Grey, high: int, wide: int) -> NDArray[np.float32]:
    down, right = max(0, high - paper.shape[0]), max(0, wide - paper.shape[1])
    sheet = np.pad(paper, ((0, down), (0, right)), mode="symmetric")
    return sheet[:high, :wide].astype(np.float32)


def _beside(page: NDArray[np.float32], other: Grey, line: tuple[int, int, int, int], rng: random.Random) -> None:
    """A neighbour in print: above, below or to the left."""
    x0, y0, x1, y1 = line
    scale = rng.uniform(0.5, 1.0) * min(1.0, (y1 - y0) / other.shape[0])
    small = cv2.resize(other, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255.0
    tall, wide = small.shape
    gap = rng.uniform(0.05, 0.4) * (y1 - y0)
    place = rng.choice(("above", "below", "left"))
    top = {"above": y0 - gap - tall, "below": y1 + gap, "left": y0 + rng.uniform(-0.2, 0.3) * (y1 - y0)}[place]
    left = x0 - wide - gap if place == "left" else rng.uniform(x0 - wide / 2, x1 - wide / 2)
    put(page, small.astype(np.float32), int(left), int(top))


def put(page: NDArray[np.float32], ink: NDArray[np.float32], left: int, top: int) -> None:
    """Lay `ink` on `page` with its corner there; what is beyond the edge is lost."""
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(page.shape[0], top + ink.shape[0]), min(page.shape[1], left + ink.shape[1])
    if y1 > y0 and x1 > x0:
        part = page[y0:y1, x0:x1]
        np.maximum(part, ink[y0 - top : y1 - top, x0 - left : x1 - left], out=part)


def _ruled(page: NDArray[np.float32], line: tuple[int, int, int, int], rng: random.Random) -> None:
    """The rules of forms: under the line, or beside it."""
    x0, y0, x1, y1 = line
    tall = y1 - y0
    thick = max(1, round(tall * rng.uniform(0.03, 0.08)))
    if rng.random() < 0.35:
        y = int(y1 + rng.uniform(-0.15, 0.3) * tall)
        cv2.line(page, (0, y), (page.shape[1], y + rng.randint(-1, 1)), 0.9, thick)
    if rng.random() < 0.1:
        x = int(rng.choice((x0 - rng.uniform(0.1, 0.9) * tall, x1 + rng.uniform(0.1, 0.9) * tall)))
        cv2.line(page, (x, 0), (x, page.shape[0]), 0.9, thick)


# --- drawn lines ---


def drawn(
    count: int, draw: Draw, say: Callable[[random.Random], str], real: Sequence[Crop], prints: Sequence[Path],
    rng: random.Random, *, pen: bool,
) -> list[Crop]:  # fmt: skip
    """`count` lines as `draw` draws what `say` says, on the paper of real ones."""
    found: list[Crop] = []
    while len(found) < count:
        text = say(rng)
        ink = draw(text, rng)
        near = [by_font(rng.choice(prints), worded([c.text or "No" for c in rng.sample(real, 3)], rng), STILL, rng)
                for _ in range(rng.choice((0, 0, 1, 2)))]  # fmt: skip
        crop = on_paper(ink, bare(rng.choice(real), rng), near, rng, pen, text)
        if crop is not None:
            found.append(crop)
    return found


def thickened(ink: Grey, rng: random.Random) -> Grey:
    """Another pen, or another print: up to two pixels thinner or thicker."""
    change = rng.choice((-1, 0, 0, 1, 2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(change) * 2 + 1,) * 2)
    return np.asarray((cv2.dilate if change > 0 else cv2.erode)(ink, kernel), np.uint8)


def pen_by_font(fonts: Sequence[Path]) -> Draw:
    return lambda text, rng: thickened(by_font(rng.choice(fonts), text, shaken(rng), rng), rng)


def pen_by_strokes(fonts: Sequence[Path]) -> Draw:
    """Block letters: strokes of one width where a font has its middle."""
    return lambda text, rng: by_font(rng.choice(fonts), text, shaken(rng, least=0.5), rng, rng.randint(2, 6))


def pen_by_digits(digits: Sequence[Sequence[Grey]]) -> Draw:
    return lambda text, rng: by_digits(digits, text, shaken(rng), rng)


def print_by_font(fonts: Sequence[Path]) -> Draw:
    """Print of many faces, one in five of dots."""

    def draw(text: str, rng: random.Random) -> Grey:
        ink = by_font(rng.choice(fonts), text, STILL, rng)
        return dotted(ink, rng) if rng.random() < 0.2 else thickened(ink, rng)

    return draw


def dotted(ink: Grey, rng: random.Random) -> Grey:
    """As the needles of a matrix printer set it: dots on a coarse grid."""
    step = rng.randint(3, 6)
    grid = cv2.resize(ink, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA) > rng.randint(70, 130)
    large = np.kron(grid.astype(np.uint8), np.ones((step, step), np.uint8))
    y, x = np.mgrid[0 : large.shape[0], 0 : large.shape[1]] % step - (step - 1) / 2
    return np.where((large > 0) & (np.hypot(x, y) <= rng.uniform(0.45, 0.7) * step), 255, 0).astype(np.uint8)
