"""Every chart, as SVG: its shapes carry classes, to which the style sheet of the pages gives colours.

A chart with a `title` is a file of its own: it has its title and its colours in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:  # it imports scipy.stats, which would cost every web process a second
    from extractor.measure.measures import Bin, Coverage

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 74, 26, 14, 42
HIT = 11.0  # most room around a point that takes its clicks
ROW = 20  # height of the title, and of a line of the legend
COLOURS = ("#0b6bcb", "#c2410c", "#15803d", "#7c3aed", "#475569", "#be185d")  # of the lines, in their order
TARGETS = (0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line; with `href` it can be clicked, `title` is its tooltip."""

    x: float
    y: float
    title: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, from `low` to `high`."""

    label: str
    low: float
    high: float
    percent: bool = False

    def ticks(self, count: int = 5) -> list[float]:
        """Round numbers between the ends, about `count` of them."""
        step = _round_step((self.high - self.low) / count)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * i for i in range(first, last + 1)]

    def text(self, value: float) -> str:
        if self.percent:
            digits = 0 if self.high - self.low > 0.1 else 1 if self.high - self.low > 0.01 else 2
            return f"{100 * value:.{digits}f} %"
        return f"{value:.3g}"


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(one for one in (1, 2, 5, 10) if one * power >= step * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class Line:
    """Points joined; `band` is an interval around them, as (x, low, high); a `name` stands in the legend."""

    points: Sequence[Point]
    name: str = ""
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A value with its interval, for `whiskers`."""

    label: str
    value: float
    low: float
    high: float
    target: float | None = None


def lines(
    x: Axis,
    y: Axis,
    series: Sequence[Line],
    *,
    label: str,
    diagonal: bool = False,
    x_mark: float | None = None,
    y_marks: Sequence[float] = (),
    marks: bool = True,
    title: str = "",
) -> Markup:
    """Some lines. `diagonal` draws where both axes agree; `x_mark`, `y_marks` dashed lines, e.g. the targets."""
    to_x, to_y = _scale(x, LEFT, WIDTH - RIGHT), _scale(y, HEIGHT - BOTTOM, TOP)
    parts = [_frame(x, y, to_x, to_y)]
    if diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        parts.append(_stroke("ideal", to_x(low), to_y(low), to_x(high), to_y(high)))
    if x_mark is not None and x.low <= x_mark <= x.high:
        parts.append(_stroke("target", to_x(x_mark), TOP, to_x(x_mark), HEIGHT - BOTTOM))
    for mark in y_marks:
        parts.append(_stroke("target", LEFT, to_y(mark), WIDTH - RIGHT, to_y(mark)))
        parts.append(_text(WIDTH - RIGHT, to_y(mark) - 3, y.text(mark), anchor="end"))
    named = [line.name for line in series if line.name]
    for number, line in enumerate(series):
        style = ("", " second")[number] if number < 2 else f" n{number % len(COLOURS)}"
        corners = [(at, low) for at, low, _ in line.band] + [(at, high) for at, _, high in reversed(line.band)]
        if corners:
            parts.append(Markup('<polygon class="band{}" points="{}"/>').format(style, _path(corners, to_x, to_y)))
        parts.append(_line(line.points, to_x, to_y, style, marks))
        if line.name:
            at = HEIGHT + ROW * named.index(line.name)
            parts.append(_stroke(f"line{style}", LEFT, at, LEFT + 14, at))
            parts.append(_text(LEFT + 20, at + 4, line.name, anchor="start", style="strong"))
    return _svg(parts, label, HEIGHT + ROW * len(named), title)


def whiskers(x: Axis, rows: Sequence[Row], *, label: str) -> Markup:
    """One line per row: the value, its interval, and the target it must stay under."""
    left, step = 170, 28
    height = TOP + step * len(rows) + BOTTOM
    to_x = _scale(x, left, WIDTH - RIGHT)
    parts = [_stroke("grid", to_x(tick), TOP, to_x(tick), height - BOTTOM) for tick in x.ticks()]
    parts += [_text(to_x(tick), height - BOTTOM + 18, x.text(tick)) for tick in x.ticks()]
    for number, row in enumerate(rows):
        y = TOP + step * number + step / 2
        parts.append(_text(left - 10, y + 4, row.label, anchor="end", style="strong"))
        parts.append(_stroke("whisker", to_x(row.low), y, to_x(row.high), y))
        parts.append(_mark(to_x(row.value), y, f"{row.label}: {x.text(row.value)}"))
        if row.target is not None and row.target <= x.high:
            parts.append(_stroke("target", to_x(row.target), y - 10, to_x(row.target), y + 10))
    parts.append(_text((left + WIDTH) / 2, height - 6, x.label))
    return _svg(parts, label, height)


Scale = Callable[[float], float]


def _scale(axis: Axis, start: float, end: float) -> Scale:
    span = (axis.high - axis.low) or 1.0
    return lambda value: start + (min(max(value, axis.low), axis.high) - axis.low) / span * (end - start)


def _frame(x: Axis, y: Axis, to_x: Scale, to_y: Scale) -> Markup:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [_text(to_x(tick), bottom + 18, x.text(tick)) for tick in x.ticks()]
    parts += [_stroke("grid", LEFT, to_y(tick), right, to_y(tick)) for tick in y.ticks()]
    parts += [_text(LEFT - 8, to_y(tick) + 4, y.text(tick), anchor="end") for tick in y.ticks()]
    parts.append(_stroke("axis", LEFT, bottom, right, bottom))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 6, x.label))
    turned = Markup('<text transform="translate(12 {:.0f}) rotate(-90)" text-anchor="middle">{}</text>')
    parts.append(turned.format((TOP + bottom) / 2, y.label))
    return Markup("").join(parts)


def _line(points: Sequence[Point], to_x: Scale, to_y: Scale, style: str, marks: bool) -> Markup:
    path = _path([(p.x, p.y) for p in points], to_x, to_y)
    parts = [Markup('<polyline class="line{}" points="{}"/>').format(style, path)]
    places = [(to_x(p.x), to_y(p.y)) for p in points]
    for p, (left, top), room in zip(points, places, _room(places), strict=True) if marks else ():
        mark = _mark(left, top, p.title, style)
        if p.href:
            hit = Markup('<circle class="hit" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(left, top, room)
            mark = Markup('<a href="{}" aria-label="{}">{}{}</a>').format(p.href, p.title, mark, hit)
        parts.append(mark)
    return Markup("").join(parts)


def _path(corners: Sequence[tuple[float, float]], to_x: Scale, to_y: Scale) -> str:
    return " ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in corners)


def _room(places: Sequence[tuple[float, float]]) -> list[float]:
    """How far around each point a click may go without taking the click of its neighbours."""
    gaps = [math.dist(a, b) / 2 for a, b in pairwise(places)]
    return [min(HIT, before, after) for before, after in zip([HIT, *gaps], [*gaps, HIT], strict=True)]


def _stroke(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    shape = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return shape.format(style, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, *, anchor: str = "middle", style: str = "") -> Markup:
    shape = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return shape.format(style, x, y, anchor, text)


def _mark(x: float, y: float, title: str, style: str = "") -> Markup:
    shape = Markup('<circle class="mark{}" cx="{:.1f}" cy="{:.1f}" r="4.5"><title>{}</title></circle>')
    return shape.format(style, x, y, title)


def _svg(parts: Sequence[Markup], label: str, height: float, title: str = "") -> Markup:
    body = Markup("").join(parts)
    if not title:
        role = "group" if "<a " in body else "img"
        svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="{}" aria-label="{}">{}</svg>')
        return svg.format(WIDTH, height, role, label, body)
    body = _STYLE + _text(WIDTH / 2, -6, title, style="strong") + body
    svg = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {} {} {}" role="img"><title>{}</title>{}</svg>\n')
    return svg.format(-ROW, WIDTH, height + ROW, title, body)


def _colours(number: int, colour: str) -> str:
    name = ("", ".second")[number] if number < 2 else f".n{number}"
    return f".line{name}{{stroke:{colour}}}.mark{name},.band{name}{{fill:{colour}}}"


_STYLE = Markup(  # noqa: S704 - our own constants
    "<style>svg{font:12px sans-serif}text{fill:#475569}.strong{fill:#1d2733;font-weight:600}.axis{stroke:#1d2733}"
    ".grid{stroke:#e2e8f0}.ideal,.target{stroke:#9aa7b4;stroke-dasharray:4 4}.line{fill:none;stroke-width:2}"
    ".band{opacity:.15}" + "".join(_colours(number, colour) for number, colour in enumerate(COLOURS)) + "</style>"
)


# --- the charts of an evaluation --------------------------------------------------------------------------------------


def reliability_svg(bars: Sequence[Bin], title: str) -> str:
    """Mean confidence against accuracy, one dot a bin of equal mass; on the diagonal the confidence is honest."""
    points = [
        Point(b.confidence, b.accuracy, f"{b.count} values: confidence {b.confidence:.3f}, right {b.accuracy:.3f}")
        for b in bars
    ]
    share = Axis("Confidence", 0.0, 1.0, percent=True), Axis("Share right", 0.0, 1.0, percent=True)
    return lines(*share, [Line(points)], label=title, diagonal=True, title=title)


def risk_coverage_svg(points: Sequence[Coverage], title: str, targets: Sequence[float] = TARGETS) -> str:
    """Error among the accepted against the share accepted, with the error targets as dashed lines."""
    top = max([p.error for p in points] + [*targets, 0.01]) * 1.1
    across, up = Axis("Share accepted", 0.0, 1.0, percent=True), Axis("Error among accepted", 0.0, top, percent=True)
    line = Line([Point(p.accepted, p.error) for p in points])
    return lines(across, up, [line], label=title, y_marks=targets, marks=False, title=title)
