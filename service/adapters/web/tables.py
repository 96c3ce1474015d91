"""The rows of the pages' tables: segments, timeline, broken promises, notices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import msgspec

from service.adapters.web.words import REASONS, Words, percent, plain, value_name, whole
from service.core.counting.changes import Break
from service.core.event import Micros
from service.core.interruption import Segment
from service.core.outbox import OutboxRow
from service.core.standing import TimelineEntry, Totals

_WORST = 8


class Share(msgspec.Struct, frozen=True, gc=False):
    """One line of a comparison: `bar` is its share on a scale to 100; `mine`: inside the segment meant."""

    name: str
    broken: str
    attempts: str
    share: str
    bar: float
    mine: bool = False

    @classmethod
    def of(cls, name: str, sums: Totals, top: float, *, mine: bool = False) -> Self:
        """Laid out; `top` is the share that fills the bar."""
        share = sums.broken / sums.attempts if sums.attempts else 0.0
        said = percent(share) if sums.attempts else ""
        bar = round(min(share / top, 1.0) * 100, 1) if top else 0.0
        return cls(name, whole(sums.broken), whole(sums.attempts), said, bar, mine)


class Dimension(msgspec.Struct, frozen=True, gc=False):
    """A dimension's values, most broken first; `more`: how many are not shown."""

    name: str
    rows: tuple[Share, ...]
    more: int


def dimensions(
    by_value: Mapping[str, Sequence[tuple[str | None, Totals]]], segment: Segment = ()
) -> tuple[Dimension, ...]:
    """The dimensions of which anything was stated."""
    return tuple(
        dimension(name, values, segment)
        for name, values in by_value.items()
        if any(value is not None for value, _ in values)
    )


def dimension(name: str, values: Sequence[tuple[str | None, Totals]], segment: Segment = ()) -> Dimension:
    """The worst values of a dimension by the number of breaks."""
    named = dict(segment).get(name, ())
    values = [each for each in values if each[1].attempts or each[1].broken]
    shown = values[:_WORST]
    top = max((sums.broken / sums.attempts for _, sums in shown if sums.attempts), default=0.0)
    rows = tuple(Share.of(value_name(value), sums, top, mine=value in named) for value, sums in shown)
    return Dimension(name, rows, len(values) - len(shown))


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A line of a timeline."""

    when: str
    iso: str
    what: str
    note: str
    by: str


_WHAT = {
    "opened": "opened",
    "evidence": "more evidence",
    "located": "found to be at",
    "level": "level changed",
    "recovering": "seems to be over",
    "relapsed": "goes on after all",
    "resolved": "resolved",
    "withdrawn": "withdrawn",
    "stale": "without data for long",
    "returned": "data again",
    "acknowledge": "acknowledged",
    "unacknowledge": "no longer acknowledged",
    "assign": "assigned",
    "annotate": "note",
    "resolve": "resolved by hand",
    "reopen": "opened again",
    "mark": "marked",
    "ask": "help asked for",
    "answer": "help answered",
}


def entries(timeline: Iterable[TimelineEntry], now: Micros, words: Words) -> tuple[Entry, ...]:
    """In the order in which they were written."""
    return tuple(
        Entry(
            words.stamp(each.at, now),
            words.iso(each.at),
            _WHAT.get(each.what, plain(each.what, 60)),
            plain(each.note, 500),
            "" if each.by == "momentwatch" else plain(each.by, 80),
        )
        for each in timeline
    )


class BreakRow(msgspec.Struct, frozen=True, gc=False):
    """A broken promise; `values` in the order of the moment's dimensions."""

    when: str
    iso: str
    customer: str
    values: tuple[str, ...]
    reason: str
    value: str
    settled: str


def breaks(rows: Iterable[Break], dimensions: Sequence[str], now: Micros, words: Words) -> list[BreakRow]:
    """As a table has them."""
    return [
        BreakRow(
            words.stamp(row.at, now),
            words.iso(row.at),
            plain(row.customer, 120),
            tuple(value_name(row.dimensions.get(name)) for name in dimensions),
            plain(row.reason or "", 120),
            words.money(row.value) if row.value else "",
            _settled(row, now, words),
        )
        for row in rows
    ]


def _settled(row: Break, now: Micros, words: Words) -> str:
    if row.settled_at is not None:
        return f"kept {words.stamp(row.settled_at, now)}"
    # Whether somebody waits or it was given up is said of customers: here it is neither kept so far.
    return "not kept so far" if row.promised else ""


class NoticeRow(msgspec.Struct, frozen=True, gc=False):
    """A notice and what became of it."""

    when: str
    target: str
    why: str
    state: str
    detail: str


def notices(rows: Iterable[OutboxRow], identity: str, now: Micros, words: Words) -> tuple[NoticeRow, ...]:
    """Those of one interruption, in the order in which they were made."""
    mine = [row for row in rows if row.notice.interruption == identity]
    return tuple(
        NoticeRow(
            words.stamp(row.created_at, now),
            plain(row.notice.target, 80),
            REASONS[row.notice.reason],
            f"{row.state} {words.stamp(row.sent_at, now)}" if row.sent_at is not None else row.state,
            plain(row.last_error, 300) + (" It may have arrived twice." if row.ambiguous else ""),
        )
        for row in sorted(mine, key=lambda row: (row.created_at, row.row))
    )
