"""How many events came around an interruption of volume or silence: what it was opened for, as a chart."""

from collections.abc import Mapping, Sequence

from service.adapters.web import figures
from service.adapters.web.chart import Axis, Bar, Chart, Mark, Rows, count_top, over_time, reach
from service.adapters.web.words import Words, about, whole
from service.core.counting.changes import BlindSpan
from service.core.event import Micros


def bars(
    came: Mapping[Micros, int], grid: figures.Grid, blind: Sequence[BlindSpan], now: Micros, words: Words
) -> list[Bar]:
    """A step of the grid each. Outside the usual is news, above and below, of a step that is over and was seen.

    `came`: by the start of a step, of the whole time that the grid is compared with; steps in which none came may be
    left out, and before the first of all there was nothing to see.
    """
    first, apart = min(came, default=now), grid.step * grid.every
    found = []
    for start in grid.starts:
        end, events = start + grid.step, came.get(start, 0)
        past = [start - apart * back for back in range(1, grid.history + 1)]
        seen = [
            came.get(at, 0) for at in past if at >= first and not figures.blind_time(blind, at, at + grid.step, now)
        ]
        usual = figures.counts(seen) if end <= now else None
        unseen = figures.blind_part(blind, start, min(end, now) if now > start else end, now)
        is_news = usual is not None and not unseen and not usual.low <= events <= usual.high
        label = f"{words.time(start, now)}: {whole(events)} came"
        label += f", usual {about(usual.low)} to {about(usual.high)}." if usual else "."
        found.append(Bar(start, end, None if start < first else float(events), label, usual, is_news, unseen))
    return found


def chart(of: Sequence[Bar], words: Words, marks: Sequence[Mark], notes: Sequence[Micros]) -> list[Chart]:
    """How many came over time."""
    return over_time(of, words, Axis(count_top(round(reach(of))), whole), marks, notes)


def table(of: Sequence[Bar], words: Words, now: Micros) -> Rows:
    """The same figures as a table, newest first."""
    rows = [
        (
            words.stamp(bar.start, now),
            "" if bar.height is None else whole(bar.height),
            f"{about(bar.usual.low)} to {about(bar.usual.high)}" if bar.usual else "",
        )
        for bar in reversed(of)
    ]
    return Rows(("When", "Events", "Usual"), tuple(rows))
