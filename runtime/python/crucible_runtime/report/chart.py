"""The data of a line chart: what `templates/chart.html.j2` draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Points = Sequence[tuple[float, float]]

_COLORS = 4
_MOST = 300
_SPARSE = 40
_NOTHING = 1e-300  # floats lose their digits below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The view box of a chart and the edges of its plot, in units of the view box."""

    width: int = 640
    height: int = 240
    left: int = 62
    right: int = 626
    top: int = 12
    bottom: int = 210


FRAME = Frame()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled position on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a curve, and the text that a reader gets who points at it."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve: `last` is its last value, `change` its first and last one; dots of a sparse curve are always shown."""

    name: str
    color: int
    last: str
    change: str
    sparse: bool
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of one or several curves; `label` tells its values to those who cannot see it."""

    title: str
    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    frame: Frame = FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """The linear map from values between `low` and `high` to positions between `start` and `end`."""

    low: float
    high: float
    start: int
    end: int

    def position(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 2)


def chart(title: str, series: Mapping[str, Points]) -> Chart:
    """Return the chart of one or several curves over the steps, by name; each needs at least one point."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    y_ticks = ticks(min(ys), max(ys), 5)
    across = _Scale(low=min(xs), high=max(xs), start=FRAME.left, end=FRAME.right)
    down = _Scale(low=min(*y_ticks, *ys), high=max(*y_ticks, *ys), start=FRAME.bottom, end=FRAME.top)
    x_ticks = [tick for tick in ticks(min(xs), max(xs), 6) if min(xs) <= tick <= max(xs) and tick == int(tick)]
    return Chart(
        title=title,
        label=f"{title}: {'; '.join(_summary(name, points) for name, points in series.items())}",
        x_ticks=tuple(Tick(at=across.position(tick), text=number(tick)) for tick in x_ticks),
        y_ticks=tuple(Tick(at=down.position(tick), text=number(tick)) for tick in y_ticks),
        curves=tuple(
            _curve(name, place % _COLORS, points, across, down) for place, (name, points) in enumerate(series.items())
        ),
    )


def _summary(name: str, points: Points) -> str:
    (first_step, first), (last_step, last) = points[0], points[-1]
    return f"{name} from {number(first)} at step {number(first_step)} to {number(last)} at step {number(last_step)}"


def _curve(name: str, color: int, points: Points, across: _Scale, down: _Scale) -> Curve:
    drawn = thinned(points)
    first, last = number(points[0][1]), number(points[-1][1])
    return Curve(
        name=name,
        color=color,
        last=last,
        change=last if len(points) == 1 else f"{first} → {last}",
        sparse=len(drawn) <= _SPARSE,
        dots=tuple(
            Dot(x=across.position(x), y=down.position(y), text=f"step {number(x)}: {name} {number(y)}")
            for x, y in drawn
        ),
    )


def thinned(points: Points) -> Points:
    """At most some hundred points: of many, the lowest and the highest of each stretch, so that no peak is lost."""
    if len(points) <= _MOST:
        return points
    width = math.ceil(len(points) / (_MOST // 2))
    kept: list[tuple[float, float]] = [points[0]]
    for start in range(0, len(points), width):
        stretch = points[start : start + width]
        kept += sorted({min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])})
    kept.append(points[-1])
    return [point for point, after in pairwise(kept) if point != after] + [kept[-1]]


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers that hold low and high between them."""
    if high - low <= max(1e-9 * max(abs(low), abs(high)), _NOTHING):
        spread = abs(low) / 2 if abs(low) > _NOTHING else 1.0
        low, high = low - spread, high + spread
    rough = (high - low) / max(count - 1, 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12 - math.floor(math.log10(step))) for index in range(first, last + 1)]


def number(value: float) -> str:
    """A number as a reader wants it: four digits, no more."""
    return f"{int(value)}" if value == int(value) and abs(value) < 1e6 else f"{value:.4g}"
