"""The chart as rows of bars, which every mail client and every terminal shows: a week a row, with its limits."""

import math
from itertools import pairwise

import msgspec

from service.adapters.digest.words import percent, plain
from service.core.weekly.page import Chart, ChartWeek

_PARTS = 100
_CELLS = 40


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A stretch of a bar's track, in hundredths of it."""

    width: int
    kind: str


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One week: its name, the pieces of its track from left to right, and what it says."""

    week: str
    pieces: tuple[Piece, ...]
    share: str
    says: str
    limits: str
    verdict: str


class Bars(msgspec.Struct, frozen=True, gc=False):
    """A chart; `top`: the share at the track's right end."""

    title: str
    top: str
    rows: tuple[Bar, ...]


def bars(chart: Chart) -> Bars:
    """Lay a chart out."""
    reach = max((max(week.share or 0.0, week.upper or 0.0) for week in chart.weeks), default=0.0)
    top = _nice(reach)
    title = f"{plain(chart.title)}: share of promises broken, the last {len(chart.weeks)} weeks"
    return Bars(title, percent(top), tuple(_bar(week, top) for week in chart.weeks))


def _bar(week: ChartWeek, top: float) -> Bar:
    name = week.week.partition("-")[2]
    if week.share is None:
        return Bar(name, (Piece(_PARTS, "none"),), "", "nothing seen", "", "unknown")
    until = _at(week.share, top)
    kind = {"worse": "bad", "better": "good"}.get(week.verdict, "plain")
    band = range(0)
    if week.lower is not None and week.upper is not None:
        band = range(_at(week.lower, top), _at(week.upper, top))
    marks = sorted({0, _PARTS, until, band.start, band.stop})
    pieces = []
    for left, right in pairwise(marks):
        pieces.append(Piece(right - left, kind if left < until else "band" if left in band else "none"))
    within = "no limits yet"
    if week.lower is not None and week.upper is not None:
        within = f"limits {percent(week.lower)} to {percent(week.upper)}"
    says = f"{week.broken:,} of {week.attempts:,}"
    return Bar(name, tuple(pieces), percent(week.share), says, within, week.verdict)


def drawn(bar: Bar) -> str:
    """A bar in characters: the share, and the limits as a lighter band."""
    shown = {"plain": "█", "bad": "█", "good": "█", "band": "░", "none": " "}
    text, at = "", 0
    for piece in bar.pieces:
        at += piece.width
        text += shown[piece.kind] * (round(at * _CELLS / _PARTS) - len(text))
    return text.rstrip()


def _at(share: float, top: float) -> int:
    return min(_PARTS, round(share / top * _PARTS))


def _nice(value: float) -> float:
    """The next round share above a value."""
    if value <= 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(value))
    return min(1.0, next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999999))
