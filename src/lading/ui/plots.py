"""Plots: places of shapes in a drawing, from figures. Templates write them as SVG."""

from collections.abc import Sequence
from typing import NamedTuple

import squarify

WIDTH, HEIGHT = 1000.0, 320.0
# Shapes with room for a name, and for a size below it.
_ROOM_FOR_NAME = (90.0, 26.0)
_ROOM_FOR_SIZE = 48.0
# The least share that has a tile: a third of a pixel. Less, and sides vanish beside others.
_LEAST = 1e-6
# Room that a sign takes, at most.
_SIGN = 9.6


class Tile(NamedTuple):
    """A tile of a treemap, whose area says how much it is.

    Attributes:
        label: what there is room for of its name; empty if there is none.
        has_size: whether there is room for its size, too.
        level: a shade, from 0 for the largest tile to 3.
    """

    name: str
    size: int
    x: float
    y: float
    width: float
    height: float
    label: str
    has_size: bool
    level: int


class Curve(NamedTuple):
    """A curve of figures over time: the points of its line, and those of the area below it."""

    line: str
    area: str


def treemap(sizes: Sequence[tuple[str, int]]) -> Sequence[Tile]:
    """A treemap of named sizes, the largest first; what nobody could see has no tile."""
    least = sum(size for _, size in sizes) * _LEAST
    known = [(name, size) for name, size in sizes if size > least]
    areas = squarify.normalize_sizes([size for _, size in known], WIDTH, HEIGHT)
    places = squarify.squarify(areas, 0.0, 0.0, WIDTH, HEIGHT)
    most = known[0][1] if known else 1
    return [
        _tile(name, size, place, most) for (name, size), place in zip(known, places, strict=True)
    ]


def _tile(name: str, size: int, place: dict[str, float], most: int) -> Tile:
    x, y, width, height = (round(place[key], 1) for key in ("x", "y", "dx", "dy"))
    label = ""
    if width >= _ROOM_FOR_NAME[0] and height >= _ROOM_FOR_NAME[1]:
        label = _shortened(name, int((width - 18) / _SIGN))
    share = size / most
    level = next((level for level, least in enumerate((0.6, 0.25, 0.08)) if share >= least), 3)
    return Tile(
        *(name, size, x, y, width, height, label),
        has_size=bool(label) and height >= _ROOM_FOR_SIZE,
        level=level,
    )


def _shortened(name: str, signs: int) -> str:
    """The name, or its last part, as far as there is room."""
    if len(name) <= signs:
        return name
    last = name.rpartition("/")[2]
    return last if len(last) <= signs else last[: signs - 1] + "…"


def curve(points: Sequence[tuple[float, float]], highest: float) -> Curve:
    """The curve of values at times, in order.

    Args:
        highest: the value that is at the top.
    """
    if not points:
        return Curve("", "")
    first, last = points[0][0], points[-1][0]
    span, top = max(last - first, 1.0), max(highest, 1.0)
    dots = [
        (round(WIDTH * (at - first) / span, 1), round(HEIGHT * (1 - value / top), 1))
        for at, value in points
    ]
    if len(dots) == 1:
        dots = [dots[0], (WIDTH, dots[0][1])]
    line = " ".join(f"{x},{y}" for x, y in dots)
    return Curve(line, f"0,{HEIGHT} {line} {dots[-1][0]},{HEIGHT}")
