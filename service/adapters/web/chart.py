"""Charts as geometry: columns over time with the usual range behind them, to be laid out as inline SVG."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from service.adapters.web.figures import Point
from service.adapters.web.words import Words, percent, whole
from service.core.event import DAY, Micros


class Rect(msgspec.Struct, frozen=True, gc=False):
    """A rectangle with a class and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: str = ""


class Tick(msgspec.Struct, frozen=True, gc=False):
    """A place on an axis and its label; `anchor` as SVG has it."""

    at: float
    label: str
    anchor: Literal["start", "middle", "end"] = "middle"


class Strip(msgspec.Struct, frozen=True, gc=False):
    """A small strip without axes; `says`: the same in a sentence."""

    width: float
    height: float
    bands: tuple[Rect, ...]
    columns: tuple[Rect, ...]
    says: str


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A time that matters: what happened, and when, for a chart with room for it."""

    at: Micros
    word: str
    when: str
    kind: str


class Flag(msgspec.Struct, frozen=True, gc=False):
    """A mark in its place; `row`: how far down its label stands, so that neighbours stay readable."""

    x: float
    label: str
    kind: str
    row: int
    anchor: Literal["start", "end"]


class Chart(msgspec.Struct, frozen=True, gc=False):
    """A chart with axes; the plot lies between left, top, right and bottom."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    bands: tuple[Rect, ...]
    columns: tuple[Rect, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    flags: tuple[Flag, ...]
    size: Literal["wide", "narrow"]


class Row(msgspec.Struct, frozen=True, gc=False):
    """A step of a chart as a table has it."""

    when: str
    attempts: str
    broken: str
    share: str
    usual: str


_COLUMN, _HEIGHT = 10.0, 44.0
_LEAST_SHARE = 0.02
"""A strip's full height is at least so much, so that one break in a thousand does not look like a fire."""


def strip(points: Sequence[Point], words: Words, now: Micros) -> Strip:
    """A day a column, scaled to the highest day or usual range."""
    top = max((_reach(point) for point in points), default=0.0)
    scale = _HEIGHT / max(top * 1.05, _LEAST_SHARE)
    bands, columns = [], []
    for place, point in enumerate(points):
        x = place * _COLUMN
        if point.usual is not None:
            height = max((point.usual.high - point.usual.low) * scale, 1.0)
            bands.append(Rect(x, _HEIGHT - point.usual.low * scale - height, _COLUMN, height, "band"))
        columns.extend(_column(point, Rect(x + 1.5, 0, _COLUMN - 3, _HEIGHT, ""), scale, words, now))
    high = sum(point.is_high for point in points)
    says = f"Share of promises broken on each of the last {len(points)} days; {high} above the usual."
    return Strip(len(points) * _COLUMN, _HEIGHT, tuple(bands), tuple(columns), says)


def _reach(point: Point) -> float:
    return max(point.share or 0.0, point.usual.high if point.usual else 0.0)


def _column(point: Point, room: Rect, scale: float, words: Words, now: Micros) -> list[Rect]:
    """What a step shows inside its room: blindness hatched over its full height, then the share."""
    drawn = []
    label = told(point, words, now)
    bottom = room.y + room.height
    if point.blind > 0:
        drawn.append(Rect(room.x, room.y, room.width, room.height, "blind", f"{label} not seen all the time"))
    if point.share is None:
        if point.blind == 0:
            drawn.append(Rect(room.x, bottom - 1, room.width, 1, "none", label))
        return drawn
    # What is zero still shows a foot: a day without a break is not a day without data.
    height = min(max(point.share * scale, 1.5), room.height)
    kind = "high" if point.is_high else "usual" if point.usual else "plain"
    drawn.append(Rect(room.x, bottom - height, room.width, height, kind, label))
    return drawn


def told(point: Point, words: Words, now: Micros) -> str:
    """A step in words: `Tue 16 Apr: 245 of 903 (27 %), usual 5 % to 14 %`."""
    short = point.end - point.start < DAY
    when = words.time(point.start, now) if short else words.day(point.start, now)
    if point.share is None:
        return f"{when}: nothing happened."
    usual = f", usual {percent(point.usual.low)} to {percent(point.usual.high)}" if point.usual else ""
    totals = point.totals
    return f"{when}: {totals.broken:,} of {totals.attempts:,} ({percent(point.share)}){usual}."


def table(points: Sequence[Point], words: Words, now: Micros) -> list[Row]:
    """The same figures for those who would rather read than look, newest first."""
    return [
        Row(
            words.stamp(point.start, now),
            whole(point.totals.attempts),
            whole(point.totals.broken),
            "" if point.share is None else percent(point.share),
            f"{percent(point.usual.low)} to {percent(point.usual.high)}" if point.usual else "",
        )
        for point in reversed(points)
    ]


_WIDE = (1000.0, 270.0)
_NARROW = (360.0, 250.0)


def shares(points: Sequence[Point], words: Words, now: Micros, marks: Sequence[Mark] = ()) -> list[Chart]:
    """The share of broken promises over time, once for a desk and once for a phone."""
    top = nice_top(max((_reach(point) for point in points), default=0.0), at_most=1.0)
    return [_draw(points, words, now, marks, _Axis(top, percent), size) for size in (_WIDE, _NARROW)]


class _Axis(msgspec.Struct, frozen=True):
    top: float
    label: Callable[[float], str]


def _draw(
    points: Sequence[Point],
    words: Words,
    now: Micros,
    marks: Sequence[Mark],
    axis: _Axis,
    size: tuple[float, float],
) -> Chart:
    width, height = size
    wide = size == _WIDE
    left, top, right, bottom = 46.0, 14.0 + 15.0 * len(marks), width - 8.0, height - 26.0
    start, end = points[0].start, points[-1].end
    across = (right - left) / (end - start)
    scale = (bottom - top) / axis.top
    bands, columns = [], []
    for point in points:
        x = left + (point.start - start) * across
        step = (point.end - point.start) * across
        if point.usual is not None:
            high = min(max((point.usual.high - point.usual.low) * scale, 1.0), bottom - top)
            bands.append(Rect(x, bottom - point.usual.low * scale - high, step + 0.3, high, "band"))
        gap = min(2.0, step * 0.2)
        room = Rect(x + gap / 2, top, step - gap, bottom - top, "")
        columns.extend(_column(point, room, scale, words, now))
    x_ticks = [Tick(left + (at - start) * across, label) for at, label in words.ticks(start, end, 9 if wide else 5)]
    y_ticks = [Tick(bottom - axis.top * part / 4 * scale, axis.label(axis.top * part / 4), "end") for part in range(5)]
    flags = []
    for row, mark in enumerate(marks):
        if not start <= mark.at <= end:
            continue
        x = left + (mark.at - start) * across
        label = f"{mark.word} {mark.when}" if wide else mark.word
        flags.append(Flag(x, label, mark.kind, row, _side((left, x, right), label, first=not row)))
    return Chart(
        width=width,
        height=height,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        bands=_rounded(bands),
        columns=_rounded(columns),
        x_ticks=tuple(tick for tick in x_ticks if tick.at < right - 10),
        y_ticks=tuple(y_ticks),
        flags=tuple(flags),
        size="wide" if wide else "narrow",
    )


_LETTER = 7.0
"""About as wide as a letter of a label."""


def _side(place: tuple[float, float, float], label: str, *, first: bool) -> Literal["start", "end"]:
    """The first mark's label stands before it, the later ones' after them: no line crosses a label."""
    left, x, right = place
    width = len(label) * _LETTER
    if first:
        return "end" if x - left > width else "start"
    return "start" if right - x > width else "end"


def _rounded(rects: Sequence[Rect]) -> tuple[Rect, ...]:
    """A tenth of a pixel is fine enough, and a third of the bytes."""
    return tuple(
        Rect(round(r.x, 1), round(r.y, 1), round(r.width, 1), round(r.height, 1), r.kind, r.label) for r in rects
    )


_TOPS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)


def nice_top(value: float, at_most: float = math.inf) -> float:
    """The next number above a value whose quarters are round."""
    if value <= 0:
        return min(0.04, at_most)
    power = 10.0 ** math.floor(math.log10(value))
    return min(next(each * power for each in _TOPS if each * power >= value), at_most)
