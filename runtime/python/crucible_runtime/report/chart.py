"""Points in, a line chart as SVG out, which says its values to those who point at it and to those who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from crucible_runtime.report.html import Html, element, joined

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 12, 30
_MOST = 300
_NOTHING = 1e-300  # floats lose their digits below it


def chart(title: str, series: Mapping[str, Points]) -> Html:
    """A figure of one or several curves over the steps, by name; each must have a point at least."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high = min(xs), max(xs)
    x_ticks = [tick for tick in ticks(x_low, x_high, 6) if x_low <= tick <= x_high and tick == int(tick)]
    y_ticks = ticks(min(ys), max(ys), 5)
    y_low, y_high = min(*y_ticks, *ys), max(*y_ticks, *ys)

    def across(x: float) -> float:
        share = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 2)

    def down(y: float) -> float:
        share = (y - y_low) / (y_high - y_low) if y_high > y_low else 0.5
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 2)

    grid = [_level(tick, down(tick)) for tick in y_ticks]
    axis = [element("text", number(tick), x=across(tick), y=HEIGHT - 10, text_anchor="middle") for tick in x_ticks]
    curves = []
    for place, (name, points) in enumerate(series.items()):
        thin = thinned(points)
        line = " ".join(f"{across(x)},{down(y)}" for x, y in thin)
        dots = [_dot(name, x, y, across(x), down(y), lone=len(thin) <= 40) for x, y in thin]
        curves.append(element("g", element("polyline", points=line), dots, class_=f"curve c{place % 4}"))
    told = "; ".join(
        f"{name} from {number(points[0][1])} at step {number(points[0][0])} to {number(points[-1][1])} at step "
        f"{number(points[-1][0])}"
        for name, points in series.items()
    )
    svg = element(
        "svg",
        element("g", grid, axis, class_="axes", aria_hidden="true"),
        element("line", class_="hair", x1=0, x2=0, y1=_TOP, y2=HEIGHT - _BOTTOM),
        curves,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title}: {told}",
        class_="chart",
    )
    return element("figure", _caption(title, series), svg, class_="card")


def _caption(title: str, series: Mapping[str, Points]) -> Html:
    if len(series) == 1:
        (points,) = series.values()
        first, last = points[0][1], points[-1][1]
        note = number(last) if len(points) == 1 else f"{number(first)} → {number(last)}"
        keys = joined([element("span", note, class_="note")])
    else:
        keys = joined(
            element("span", element("i", class_=f"key c{place % 4}"), f"{name} {number(points[-1][1])}", class_="note")
            for place, (name, points) in enumerate(series.items())
        )
    return element("figcaption", element("b", title), element("span", keys, class_="notes"))


def _level(tick: float, y: float) -> Html:
    return joined(
        [
            element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y),
            element("text", number(tick), x=_LEFT - 8, y=y + 4, text_anchor="end"),
        ]
    )


def _dot(name: str, x: float, y: float, across: float, down: float, *, lone: bool) -> Html:
    said = f"step {number(x)}: {name} {number(y)}"
    return element("circle", element("title", said), cx=across, cy=down, r=3, class_="dot lone" if lone else "dot")


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
