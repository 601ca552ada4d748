"""What happens to a line before the pen detector sees it in training: strokes over it, wear, a box not quite right."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fixtures.hands import STILL, TALL, Grey, by_font, noise_from, shaken
from scripts.pen.crops import Crop, put, tight

STAMPS = ("PAID", "RECEIVED", "COPY", "ENTERED", "POSTED", "APPROVED", "CHECKED", "CANCELLED", "FILED", "VOID")
Floats = NDArray[np.float32]


def worn(crop: Crop, rng: random.Random) -> Crop:
    """The same line on another scanner: coarser, softer, black and white, or packed as JPEG."""
    image = crop.image
    height, width = image.shape
    if rng.random() < 0.3 and crop.line[3] - crop.line[1] > 20:
        scale = rng.uniform(0.45, 0.9)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.3:
        noise = noise_from(rng).standard_normal(image.shape, np.float32)
        image = np.clip(image + noise * rng.uniform(2, 14), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        image = _black_and_white(np.asarray(image, np.uint8), rng)
    if rng.random() < 0.5:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(35, 92)])[1]
        image = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return replace(crop, image=np.asarray(image, np.uint8))


def _black_and_white(image: Grey, rng: random.Random) -> Grey:
    low, high = np.percentile(image, (2, 85))
    noise = noise_from(rng).standard_normal(image.shape, np.float32)
    soft = cv2.GaussianBlur(image, (0, 0), 0.6).astype(np.float32) + noise * rng.uniform(0, 0.12) * (high - low)
    return np.where(soft > low + rng.uniform(0.4, 0.75) * (high - low), 255, 0).astype(np.uint8)


def moved(line: tuple[float, float, float, float], rng: random.Random) -> tuple[float, float, float, float]:
    """A box as another engine would have drawn it."""
    x0, y0, x1, y1 = line
    tall = y1 - y0
    return (x0 + rng.uniform(-0.15, 0.15) * tall, y0 + rng.uniform(-0.12, 0.08) * tall,
            x1 + rng.uniform(-0.15, 0.15) * tall, y1 + rng.uniform(-0.08, 0.12) * tall)  # fmt: skip


def overrun(crop: Crop, fonts: Sequence[Path], hands: Sequence[Path], rng: random.Random) -> Crop:
    """The line with a stamp over it, or struck through, ringed or signed across."""
    height, width = crop.image.shape
    page = np.zeros((height, width), np.float32)
    way = rng.choice((_stamp, _stamp, _strike, _strike, _ring, _signature))
    way(page, crop.line, fonts, hands, rng)
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.3, 0.9)) * rng.uniform(0.45, 0.95)
    return replace(crop, image=np.clip(crop.image * (1 - np.clip(page, 0, 1)), 0, 255).astype(np.uint8))


def _stamp(page: Floats, line: Sequence[float], fonts: Sequence[Path], _: Sequence[Path], rng: random.Random) -> None:
    tall = line[3] - line[1]
    ink = tight(by_font(rng.choice(fonts), rng.choice(STAMPS), STILL, rng))
    if rng.random() < 0.8:
        ink = cv2.copyMakeBorder(ink, 14, 14, 14, 14, cv2.BORDER_CONSTANT, value=0)
        cv2.rectangle(ink, (2, 2), (ink.shape[1] - 3, ink.shape[0] - 3), 255, rng.randint(3, 6))
    scale = rng.uniform(1.2, 3.2) * tall / TALL
    _turned(page, np.asarray(ink, np.uint8), scale, rng.uniform(3, 20) * rng.choice((-1, 1)), line, rng)


def _signature(
    page: Floats, line: Sequence[float], _: Sequence[Path], hands: Sequence[Path], rng: random.Random
) -> None:
    ink = by_font(rng.choice(hands), rng.choice(("Jm Wells", "A. Rahman", "Kowalsky", "ok 24/3", "R. Hughes", "paid")),
                  shaken(rng), rng)  # fmt: skip
    _turned(page, tight(ink), rng.uniform(1.8, 3.5) * (line[3] - line[1]) / TALL, rng.uniform(-12, 12), line, rng)


def _turned(page: Floats, ink: Grey, scale: float, angle: float, line: Sequence[float], rng: random.Random) -> None:
    """`ink` askew over a place of the line."""
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    side = math.ceil(math.hypot(*small.shape))
    room = np.zeros((side, side), np.float32)
    put(room, small, (side - small.shape[1]) // 2, (side - small.shape[0]) // 2)
    turned = cv2.warpAffine(room, cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1), (side, side))
    x = rng.uniform(line[0] + 0.15 * (line[2] - line[0]), line[2] - 0.15 * (line[2] - line[0]))
    y = (line[1] + line[3]) / 2 + rng.uniform(-0.5, 0.5) * (line[3] - line[1])
    put(page, np.asarray(turned, np.float32), int(x - side / 2), int(y - side / 2))


def _strike(page: Floats, line: Sequence[float], _: Sequence[Path], __: Sequence[Path], rng: random.Random) -> None:
    x0, y0, x1, y1 = line
    tall = y1 - y0
    for _again in range(rng.choice((1, 1, 1, 2))):
        a, b = x0 + rng.uniform(-0.6, 0.5) * tall, x1 + rng.uniform(-0.5, 0.6) * tall
        ends = [y0 + rng.uniform(0.25, 0.75) * tall for _end in range(2)]
        bow = rng.uniform(-0.2, 0.2) * tall
        share = np.linspace(0, 1, 12)
        ys = ends[0] + (ends[1] - ends[0]) * share + bow * np.sin(math.pi * share)
        points = np.stack([a + (b - a) * share, ys + [rng.uniform(-0.03, 0.03) * tall for _point in share]], 1)
        _stroke(page, points, tall, rng)


def _ring(page: Floats, line: Sequence[float], _: Sequence[Path], __: Sequence[Path], rng: random.Random) -> None:
    """A loop that cuts through the line."""
    x0, y0, x1, y1 = line
    tall, wide = y1 - y0, x1 - x0
    turn = np.linspace(rng.uniform(0, 1), rng.uniform(5.2, 6.8), 40)
    across = rng.uniform(0.25, 0.6) * min(wide, 6 * tall)
    centre = rng.uniform(x0, x1), (y0 + y1) / 2 + rng.uniform(-0.7, 0.7) * tall
    points = np.stack([centre[0] + across * np.cos(turn), centre[1] + rng.uniform(0.6, 1.2) * tall * np.sin(turn)], 1)
    _stroke(page, points, tall, rng)


def _stroke(page: Floats, points: NDArray[np.float64], tall: float, rng: random.Random) -> None:
    thick = max(1, round(tall * rng.uniform(0.04, 0.12)))
    cv2.polylines(page, [(points * 8).astype(np.int32)], False, 1.0, thick, cv2.LINE_AA, 3)


def part_of(crop: Crop, rng: random.Random) -> Crop:
    """A stretch of a long line, so that a batch is not as wide as its longest."""
    x0, y0, x1, y1 = crop.line
    tall = y1 - y0
    wide = rng.choice((2.5, 3.5, 5.0, 7.0, 10.0)) * tall
    if x1 - x0 <= wide:
        return crop
    start = rng.uniform(x0, x1 - wide)
    left, right = max(0, int(start - tall / 2)), min(crop.image.shape[1], int(start + wide + tall / 2))
    return replace(crop, image=crop.image[:, left:right], line=(start - left, y0, start + wide - left, y1))
