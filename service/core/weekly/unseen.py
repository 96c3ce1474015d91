"""What nobody saw of a week: blind hours, missing values, records that could not be read or came late."""

from collections.abc import Iterator, Sequence

from service.core.catalog import Moment
from service.core.event import DAY, HOUR, Micros
from service.core.ports import Reader
from service.core.weekly.page import Blind, Unseen, Unstated, title_of

Named = Sequence[tuple[str, Moment]]


def unseen(reader: Reader, moments: Named, span: tuple[Micros, Micros], now: Micros) -> Unseen:
    """Of [start, end), as far as it has passed."""
    start, end = span
    counts = reader.counts()
    return Unseen(
        blind=tuple(_blind(reader, moments, span, min(end, now))),
        unstated=tuple(_unstated(reader, moments, start, end)),
        learning=tuple(title_of(moment) for name, moment in moments if reader.status(name).learning is not None),
        read=counts.read,
        dead=counts.dead.total(),
        late=counts.late.total(),
    )


def _blind(reader: Reader, moments: Named, span: tuple[Micros, Micros], until: Micros) -> Iterator[Blind]:
    start, end = span
    for name, moment in moments:
        seen, blind = start, 0
        for one in sorted(reader.blind(name, start, end), key=lambda each: each.since):
            last = until if one.until is None else min(one.until, until)
            # Spans may overlap; time is blind once.
            blind += max(0, last - max(one.since, seen))
            seen = max(seen, last)
        if blind:
            yield Blind(name, title_of(moment), blind / HOUR, (end - start) / HOUR)


def _unstated(reader: Reader, moments: Named, start: Micros, end: Micros) -> Iterator[Unstated]:
    for name, moment in moments:
        attempts = sum(totals.attempts for _, totals in reader.totals(name, start, end, DAY))
        if not attempts:
            continue
        for dimension in moment.dimensions:
            missing = dict(reader.by_value(name, dimension, start, end)).get(None)
            yield Unstated(name, title_of(moment), dimension, missing.attempts if missing else 0, attempts)
