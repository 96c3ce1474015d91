"""What else happened: deployments, campaigns and known events of the calendar, beside what broke."""

import msgspec

from service.adapters.web.look import Look
from service.adapters.web.words import Words, plain, span
from service.core.catalog import KnownEvent, Moment
from service.core.event import Annotation, Micros
from service.core.interruption import Segment

MOST = 12
"""More of them on one chart could not be told apart."""


class Note(msgspec.Struct, frozen=True, gc=False):
    """One of them, numbered as on the chart; `beside`: how long before or after what it is shown for."""

    number: str
    at: Micros
    when: str
    iso: str
    title: str
    url: str
    what: str
    beside: str


class Notes(msgspec.Struct, frozen=True, gc=False):
    """The newest ones in order of time; `more`: how many came before them."""

    rows: tuple[Note, ...]
    more: int

    @property
    def times(self) -> tuple[Micros, ...]:
        """When each was, in order."""
        return tuple(row.at for row in self.rows)


def notes(look: Look, moment: Moment, place: tuple[Segment, Micros, Micros], onset: Micros | None = None) -> Notes:
    """What concerns a moment, and a segment of it, in [start, end). `onset`: what its time is told against.

    What names no moment concerns all of them, what names no value of a dimension all of its values.
    """
    segment, start, end = place
    found: list[tuple[Micros, str, str, str]] = []
    for voice in look.reader.voices("annotation", start, end):
        event = voice.event
        if isinstance(event, Annotation) and event.moment in {None, moment.name} and _touches(event, segment):
            where = ", ".join(f"{name} {value}" for name, value in sorted((event.dimensions or {}).items()))
            found.append((voice.at, event.title, event.url or "", where))
    found += [
        (max(known.start, start), known.title, "", _lasts(known, look.words, look.now))
        for known in moment.known_events
        if known.start < end and known.end > start
    ]
    found.sort(key=lambda each: each[0])
    shown = found[-MOST:]
    rows = tuple(
        Note(
            str(number),
            at,
            look.words.stamp(at, look.now),
            look.words.iso(at),
            plain(title),
            plain(url, 2000),
            plain(where),
            "" if onset is None else _beside(at, onset),
        )
        for number, (at, title, url, where) in enumerate(shown, 1)
    )
    return Notes(rows, len(found) - len(shown))


def _touches(event: Annotation, segment: Segment) -> bool:
    stated = event.dimensions or {}
    return all(name not in stated or stated[name] in values for name, values in segment)


def _lasts(known: KnownEvent, words: Words, now: Micros) -> str:
    return f"known event, until {words.stamp(known.end, now)}; the usual may be off by {known.factor:g} times"


def _beside(at: Micros, onset: Micros) -> str:
    if at <= onset:
        return f"{span(onset - at)} before it began"
    return f"{span(at - onset)} after it began"
