"""Interruptions as a list: the open ones first, then the newest."""

from collections.abc import Iterable

import msgspec

from service.adapters.web.interruption import Pages, page_of, state_words
from service.adapters.web.look import Look
from service.adapters.web.tile import let_down, unit_words
from service.adapters.web.words import Words, plain, segment, span, whole
from service.core.catalog import Moment
from service.core.event import Micros
from service.core.interruption import Interruption
from service.core.ports import Reader
from service.core.reporting.affected import place_of
from service.core.standing import Totals

PER_PAGE = 50


class Line(msgspec.Struct, frozen=True, gc=False):
    """One interruption in a list."""

    id: str
    level: str
    open: bool
    state: str
    moment: str
    where: str
    since: str
    iso: str
    late: str
    count: str
    unit: str


class Listing(msgspec.Struct, frozen=True, gc=False):
    """A page of the list."""

    lines: tuple[Line, ...]
    open: str
    pages: Pages


def build(look: Look, page: int = 1) -> Listing:
    """Read one page; only its rows are counted."""
    reader, catalog, now, words = look.reader, look.catalog, look.now, look.words
    rows = newest_first(reader.interruptions())
    pages = page_of(len(rows), page, PER_PAGE)
    shown = rows[(pages.page - 1) * PER_PAGE : pages.page * PER_PAGE]
    lines = tuple(
        line(reader, catalog.moments.get(row.moment) or Moment(row.moment, owner=""), row, now, words) for row in shown
    )
    return Listing(lines, whole(sum(row.is_open for row in rows)), pages)


def newest_first(rows: Iterable[Interruption]) -> list[Interruption]:
    """The open ones before the others."""
    return sorted(rows, key=lambda row: (not row.is_open, -row.detected_at, row.id))


def line(reader: Reader, moment: Moment, row: Interruption, now: Micros, words: Words) -> Line:
    """Lay out one interruption."""
    place = place_of(row, now)
    impact = reader.impact(row.moment, row.segment, place.start, place.end)
    count = let_down(moment, Totals(broken=impact.broken, customers=impact.customers))
    return Line(
        id=row.id,
        level=row.level,
        open=row.is_open,
        state=state_words(row, now),
        moment=plain(moment.title or moment.name),
        where=segment(row.segment),
        since=words.time(row.onset, now),
        iso=words.iso(row.onset),
        late=span(row.detected_at - row.onset),
        count=whole(count),
        unit=unit_words(moment, count),
    )
