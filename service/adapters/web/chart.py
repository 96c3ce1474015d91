"""Charts as geometry: columns over time with the usual range behind them, to be laid out as inline SVG."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from service.adapters.web.figures import Point, Usual
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
    """A small strip without axes; `says`: the same in a sentence.

    `shapes`: (class, outline) of what needs no words of its own, for a wall of hundreds is heavy with words that
    nobody points at. `columns`: the days that stand out, each with what it says.
    """

    width: float
    height: float
    shapes: tuple[tuple[str, str], ...]
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
    anchor: Literal["start", "middle", "end"]


class Chart(msgspec.Struct, frozen=True, gc=False):
    """A chart with axes; the plot lies between left, top, right and bottom."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    band: str
    columns: tuple[Rect, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    flags: tuple[Flag, ...]
    size: Literal["wide", "narrow", "half"]


class Rows(msgspec.Struct, frozen=True, gc=False):
    """A chart as a table: the first cell of a row says when."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A step of a series: how high it stands (None: nothing was there), and whether that `is_news`.

    `blind`: which part of it nobody saw.
    """

    start: Micros
    end: Micros
    height: float | None
    label: str
    usual: Usual | None
    is_news: bool
    blind: float = 0.0


class Axis(msgspec.Struct, frozen=True):
    """The upright axis: where it ends, and how its figures are written."""

    top: float
    label: Callable[[float], str]
    least: Micros = 0
    """No ticks of the other axis stand closer than this."""


_COLUMN, _HEIGHT = 10.0, 44.0
_LEAST_SHARE = 0.02
"""A strip's full height is at least so much, so that one break in a thousand does not look like a fire."""


def strip(points: Sequence[Point], words: Words, now: Micros) -> Strip:
    """A day a column, scaled to the highest day or usual range."""
    bars = [_bar(point, words, now) for point in points]
    scale = _HEIGHT / max(reach(bars) * 1.05, _LEAST_SHARE)
    quiet: dict[str, list[Rect]] = {"band": [], "usual": [], "plain": [], "none": []}
    columns: list[Rect] = []
    for place, bar in enumerate(bars):
        x = place * _COLUMN
        if bar.usual is not None:
            height = max((bar.usual.high - bar.usual.low) * scale, 1.0)
            quiet["band"].append(Rect(x, _HEIGHT - bar.usual.low * scale - height, _COLUMN, height, "band"))
        for rect in _column(bar, Rect(x + 1.5, 0, _COLUMN - 3, _HEIGHT, ""), scale):
            quiet.get(rect.kind, columns).append(rect)
    high = sum(point.is_high for point in points)
    says = f"Share of promises broken on each of the last {len(points)} days; {high} above the usual."
    shapes = tuple((kind, outline(rects)) for kind, rects in quiet.items() if rects)
    return Strip(len(points) * _COLUMN, _HEIGHT, shapes, tuple(columns), says)


_TOUCHING = 0.5


def outline(rects: Sequence[Rect]) -> str:
    """Rectangles as one path; those that touch and are of one height are drawn as one.

    >>> outline([Rect(0, 1, 10, 4, ""), Rect(10, 1, 10, 4, ""), Rect(21.5, 2.04, 7, 3, "")])
    'M0 1h20v4h-20zM21.5 2h7v3h-7z'
    """
    runs: list[list[float]] = []
    for rect in rects:
        y, height = round(rect.y, 1), round(rect.height, 1)
        touches = runs and abs(runs[-1][0] + runs[-1][2] - rect.x) < _TOUCHING
        if touches and runs[-1][1::2] == [y, height]:
            runs[-1][2] = rect.x + rect.width - runs[-1][0]
        else:
            runs.append([rect.x, y, rect.width, height])
    return "".join(f"M{_short(x)} {_short(y)}h{_short(w)}v{_short(h)}h-{_short(w)}z" for x, y, w, h in runs)


def _short(number: float) -> str:
    """A tenth of a pixel is fine enough, and a third of the bytes."""
    return f"{number:.1f}".removesuffix(".0")


def _bar(point: Point, words: Words, now: Micros) -> Bar:
    label = told(point, words, now)
    return Bar(point.start, point.end, point.share, label, point.usual, point.is_high, point.blind)


def reach(bars: Sequence[Bar]) -> float:
    """The highest that any of them or of what is usual stands."""
    return max((max(bar.height or 0.0, bar.usual.high if bar.usual else 0.0) for bar in bars), default=0.0)


def _column(bar: Bar, room: Rect, scale: float) -> list[Rect]:
    """What a step shows inside its room: blindness hatched over its full height, then how high it stands."""
    drawn = []
    bottom = room.y + room.height
    if bar.blind > 0:
        drawn.append(Rect(room.x, room.y, room.width, room.height, "blind", f"{bar.label} not seen all the time"))
    if bar.height is None:
        if bar.blind == 0:
            drawn.append(Rect(room.x, bottom - 1, room.width, 1, "none", bar.label))
        return drawn
    # What is zero still shows a foot: a day without a break is not a day without data.
    height = min(max(bar.height * scale, 1.5), room.height)
    kind = "high" if bar.is_news else "usual" if bar.usual else "plain"
    drawn.append(Rect(room.x, bottom - height, room.width, height, kind, bar.label))
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


def table(points: Sequence[Point], words: Words, now: Micros) -> Rows:
    """The same figures for those who would rather read than look, newest first."""
    rows = [
        (
            words.stamp(point.start, now),
            whole(point.totals.attempts),
            whole(point.totals.broken),
            "" if point.share is None else percent(point.share),
            f"{percent(point.usual.low)} to {percent(point.usual.high)}" if point.usual else "",
        )
        for point in reversed(points)
    ]
    return Rows(("When", "Promises", "Broken", "Share", "Usual"), tuple(rows))


class Step(msgspec.Struct, frozen=True, gc=False):
    """A step of a chart of counts: what stands on each other in it from below, each with its kind."""

    start: Micros
    end: Micros
    parts: tuple[tuple[int, str], ...]
    label: str


_WIDE = (1000.0, 270.0)
_NARROW = (360.0, 250.0)
_HALF = (480.0, 190.0)


def shares(
    points: Sequence[Point], words: Words, now: Micros, marks: Sequence[Mark] = (), notes: Sequence[Micros] = ()
) -> list[Chart]:
    """The share of broken promises over time, as `over_time` draws it."""
    bars = [_bar(point, words, now) for point in points]
    return over_time(bars, words, Axis(nice_top(reach(bars), at_most=1.0), percent), marks, notes)


def over_time(
    bars: Sequence[Bar], words: Words, axis: Axis, marks: Sequence[Mark] = (), notes: Sequence[Micros] = ()
) -> list[Chart]:
    """Columns over time before what is usual, once for a desk and once for a phone.

    `notes`: times of what is told below the chart, counted from 1.
    """

    def fill(plot: _Plot) -> tuple[list[Rect], list[Rect]]:
        bands, columns = [], []
        for bar in bars:
            x, step = plot.place(bar.start, bar.end)
            if bar.usual is not None:
                high = min(max((bar.usual.high - bar.usual.low) * plot.scale, 1.0), plot.bottom - plot.top)
                bands.append(Rect(x, plot.bottom - bar.usual.low * plot.scale - high, step + 0.3, high, "band"))
            columns.extend(_column(bar, plot.room(x, step), plot.scale))
        return bands, columns

    flags = [*(Mark(at, str(number), "", "note") for number, at in enumerate(notes, 1)), *marks]
    return [_draw((bars[0].start, bars[-1].end), words, flags, axis, size, fill) for size in (_WIDE, _NARROW)]


def counts(steps: Sequence[Step], words: Words) -> list[Chart]:
    """Whole numbers over time, for half a page at a desk and a whole one on a phone."""

    def fill(plot: _Plot) -> tuple[list[Rect], list[Rect]]:
        columns = []
        for step in steps:
            room = plot.room(*plot.place(step.start, step.end))
            foot = plot.bottom
            for count, kind in step.parts:
                height = max(count * plot.scale, 1.0 if count else 0.0)
                foot -= height
                columns.append(Rect(room.x, foot, room.width, height, kind, step.label))
            if not any(count for count, _ in step.parts):
                columns.append(Rect(room.x, plot.bottom - 1, room.width, 1, "none", step.label))
        return [], columns

    top = count_top(max((sum(count for count, _ in step.parts) for step in steps), default=0))
    span = (steps[0].start, steps[-1].end)
    return [_draw(span, words, (), Axis(top, whole, steps[0].end - steps[0].start), _HALF, fill)]


class _Plot(msgspec.Struct, frozen=True):
    """Where the plot lies, and how many pixels a microsecond and a unit are."""

    left: float
    top: float
    right: float
    bottom: float
    start: Micros
    across: float
    scale: float

    def x(self, at: Micros) -> float:
        return self.left + (at - self.start) * self.across

    def place(self, start: Micros, end: Micros) -> tuple[float, float]:
        return self.x(start), (end - start) * self.across

    def room(self, x: float, step: float) -> Rect:
        gap = min(2.0, step * 0.2)
        return Rect(x + gap / 2, self.top, step - gap, self.bottom - self.top, "")


Fill = Callable[[_Plot], tuple[list[Rect], list[Rect]]]
"""Bands and columns of a plot."""


def _draw(  # what a chart is made of
    span: tuple[Micros, Micros],
    words: Words,
    marks: Sequence[Mark],
    axis: Axis,
    size: tuple[float, float],
    fill: Fill,
) -> Chart:
    width, height = size
    wide = width == _WIDE[0]
    start, end = span
    left, right, bottom = 46.0, width - 8.0, height - 26.0
    # The notes have one row together, the other marks one each.
    others = [mark for mark in marks if mark.kind != "note"]
    above = int(len(others) < len(marks))
    top = 14.0 + 15.0 * (len(others) + above)
    plot = _Plot(left, top, right, bottom, start, (right - left) / (end - start), (bottom - top) / axis.top)
    bands, columns = fill(plot)
    x_ticks = [Tick(plot.x(at), label) for at, label in words.ticks(start, end, 9 if wide else 5, axis.least)]
    y_ticks = [
        Tick(bottom - axis.top * part / 4 * plot.scale, axis.label(axis.top * part / 4), "end") for part in range(5)
    ]
    flags = [
        Flag(plot.x(mark.at), mark.word, mark.kind, 0, "middle")
        for mark in marks
        if mark.kind == "note" and start <= mark.at <= end
    ]
    for row, mark in enumerate(others):
        if not start <= mark.at <= end:
            continue
        x = plot.x(mark.at)
        label = f"{mark.word} {mark.when}" if wide else mark.word
        flags.append(Flag(x, label, mark.kind, row + above, _side((left, x, right), label, first=not row)))
    return Chart(
        width=width,
        height=height,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        band=outline(bands),
        columns=_rounded(columns),
        x_ticks=tuple(tick for tick in x_ticks if tick.at < right - 10),
        y_ticks=tuple(y_ticks),
        flags=tuple(flags),
        size="wide" if wide else "half" if size == _HALF else "narrow",
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


_COUNT_TOPS = (4, 8, 12, 16, 20, 24, 32)


def count_top(value: int) -> int:
    """The next number above a count whose quarters are whole and round.

    >>> [count_top(value) for value in (0, 3, 5, 20, 33, 250)]
    [4, 4, 8, 20, 40, 320]
    """
    power = 1
    while True:
        for each in _COUNT_TOPS:
            if each * power >= value:
                return each * power
        power *= 10
