"""How far the figures can be trusted: blind time, what came late, twice or not at all, and how old the newest is."""

from collections.abc import Sequence

import msgspec

from service.adapters.web import figures
from service.adapters.web.interruption import Fact
from service.adapters.web.look import Look
from service.adapters.web.sheet import Cell, Table, heads
from service.adapters.web.tile import WEEK
from service.adapters.web.words import about, counted, percent, plain, span, whole
from service.core.counting.changes import BlindSpan, Counts
from service.core.counting.watermark import PartitionClock, partition_watermark
from service.core.event import DeadLetter, Micros
from service.core.judging.standing import expected_through

PER_PAGE = 50
_MOST = 200
"""Rows of a table; the worst ones come first."""
_SHOWN = 2_000
"""Bytes of a dead letter that a page shows."""


class Trust(msgspec.Struct, frozen=True, gc=False):
    """Everything on the page; `well`: whether the books balance."""

    summary: str
    well: bool
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]


def build(look: Look) -> Trust:
    """Read and lay out the page."""
    counts = look.reader.counts()
    blind = {name: look.reader.blind(name, look.now - WEEK, look.now + 1) for name in look.catalog.moments}
    seen = sum(figures.blind_time(each, look.now - WEEK, look.now, look.now) for each in blind.values())
    clocks = look.reader.clocks()
    off = counts.read - counts.accepted.total() - counts.duplicate - counts.dead.total()
    return Trust(
        summary=_summary(counts, clocks, off, look),
        well=not off,
        facts=(*_records(counts, off), _oldest(clocks, look), Fact("Blind", span(seen), "in 7 days, over all moments")),
        tables=(
            _moments(look, blind),
            _blind_spans(look, blind),
            _topics(look),
            _partitions(look, clocks),
            _reasons(counts),
        ),
    )


def _summary(counts: Counts, clocks: list[PartitionClock], off: int, look: Look) -> str:
    if not counts.read:
        return "Nothing was read yet."
    if off:
        return f"The books do not balance: {counted(abs(off), 'records')} of {whole(counts.read)} are unaccounted for."
    latest = max((clock.latest for clock in clocks if clock.latest is not None), default=None)
    said = f"Each of the {whole(counts.read)} records that were read is accounted for."
    if latest is None or latest > look.now:
        return said
    return f"{said} The last event happened {span(look.now - latest)} ago."


def _records(counts: Counts, off: int) -> tuple[Fact, ...]:
    def of(part: int, all_of_them: int, name: str) -> str:
        return f"{percent(part / all_of_them)} of those {name}" if all_of_them else f"none {name} so far"

    accepted, late, dead = counts.accepted.total(), counts.late.total(), counts.dead.total()
    books = "read = accepted + duplicates + dead letters"
    return (
        Fact("Read", whole(counts.read), "records since the database was made"),
        Fact("Late", whole(late), of(late, accepted, "accepted")),
        Fact("Duplicates", whole(counts.duplicate), of(counts.duplicate, counts.read, "read")),
        Fact("Dead letters", whole(dead), of(dead, counts.read, "read")),
        Fact("Books", "balance" if not off else f"off by {whole(off)}", books),
    )


def _oldest(clocks: list[PartitionClock], look: Look) -> Fact:
    ages = [age for clock in clocks if (age := _age(clock, look.now)) is not None]
    note = "of the partition that is furthest behind" if len(clocks) > 1 else "how far behind now time is known"
    return Fact("Watermark age", span(max(ages)) if ages else "not known", note)


def _age(clock: PartitionClock, now: Micros) -> Micros | None:
    """How far behind now a partition's time is; None for one that has ended or has shown nothing."""
    mark = partition_watermark(clock)
    return None if clock.ended or mark is None else max(now - mark, 0)


def _moments(look: Look, blind: dict[str, list[BlindSpan]]) -> Table:
    now, words = look.now, look.words
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for moment in look.catalog.moments.values():
        status = look.reader.status(moment.name)
        judged = status.judged_through
        behind = 0 if judged is None else max(expected_through(look.catalog, moment, now) - judged, 0)
        unseen = figures.blind_time(blind[moment.name], now - WEEK, now, now)
        why = plain(status.blind_reason, 200) if status.blind_since is not None else ""
        since = f"since {words.time(status.blind_since, now)}: {why}" if status.blind_since is not None else ""
        rows.append(
            (
                -(unseen + behind),
                (
                    Cell(plain(moment.title or moment.name), href=f"/moments/{moment.name}"),
                    Cell("never" if status.closed_through is None else words.stamp(status.closed_through, now)),
                    Cell("never" if judged is None else words.stamp(judged, now)),
                    Cell(span(behind) if behind else "", number=True),
                    Cell(span(unseen) if unseen else "", number=True),
                    Cell(since),
                ),
            )
        )
    rows.sort(key=lambda each: each[0])
    names = heads("Moment", "Closed through", "Judged through", "#Behind", "#Blind in 7 days", "Blind now")
    return _table("Moments", names, [row for _, row in rows])


def _blind_spans(look: Look, blind: dict[str, list[BlindSpan]]) -> Table:
    spans = sorted((each for of in blind.values() for each in of), key=lambda each: -each.since)
    now, words = look.now, look.words
    rows = [
        (
            Cell(plain(look.catalog.moments[each.moment].title or each.moment), href=f"/moments/{each.moment}"),
            Cell(words.stamp(each.since, now)),
            Cell("still" if each.until is None else words.stamp(each.until, now)),
            Cell(span((now if each.until is None else each.until) - each.since), number=True),
            Cell(plain(each.reason, 200)),
        )
        for each in spans
    ]
    return _table("Blind in 7 days", heads("Moment", "Since", "Until", "#For", "Why"), rows)


def _topics(look: Look) -> Table:
    rows = [
        (
            Cell(plain(topic, 120)),
            Cell(whole(read), number=True),
            Cell(whole(dead), number=True),
            Cell(percent(dead / read) if read else "", number=True),
        )
        for topic, (read, dead) in sorted(look.reader.rejected().items(), key=lambda each: (-each[1][1], each[0]))
    ]
    note = "Dead letters that were taken anew are no longer counted here."
    return _table("Topics", heads("Topic", "#Read", "#Dead letters", "#Share"), rows, note)


def _partitions(look: Look, clocks: list[PartitionClock]) -> Table:
    now, words = look.now, look.words
    known = sorted(clocks, key=lambda clock: (-(_age(clock, now) or 0), clock.partition))
    rows = []
    for clock in known:
        mark, age = partition_watermark(clock), _age(clock, now)
        rows.append(
            (
                Cell(f"{plain(clock.partition.topic, 120)}[{clock.partition.number}]"),
                Cell("none yet" if clock.latest is None else words.stamp(clock.latest, now)),
                Cell("" if clock.looked_at is None else words.stamp(clock.looked_at, now)),
                Cell("not known" if mark is None else words.stamp(mark, now)),
                Cell("ended" if clock.ended else "" if age is None else span(age), number=True),
            )
        )
    names = heads("Partition", "Last event", "Last look at its end", "Watermark", "#Age")
    note = "A moment's windows close as the watermark of all its partitions passes; one that stands holds them back."
    return _table("Partitions", names, rows, note)


def _reasons(counts: Counts) -> Table:
    rows = [(Cell(reason), Cell(whole(number), number=True)) for reason, number in counts.dead.most_common() if number]
    return _table("Dead letters by reason", heads("Reason", "#Dead letters"), rows)


def _table(title: str, names: tuple[Cell, ...], rows: Sequence[tuple[Cell, ...]], note: str = "") -> Table:
    if len(rows) > _MOST:
        note = f"The first {_MOST} of {whole(len(rows))}. {note}".strip()
    return Table(title, names, tuple(rows[:_MOST]), note if rows else "")


# --- dead letters ---


class Letter(msgspec.Struct, frozen=True, gc=False):
    """A dead letter; `payload` is empty for those who may not see what customers' records hold."""

    when: str
    place: str
    reason: str
    detail: str
    payload: str


class Letters(msgspec.Struct, frozen=True, gc=False):
    """A page of them, the newest first."""

    letters: tuple[Letter, ...]
    page: int
    has_more: bool
    total: str
    share: str


def letters(look: Look, page: int, *, payloads: bool) -> Letters:
    """Read and lay out a page, which counts from 1; `payloads`: whether their bytes are shown."""
    found = look.reader.dead_letters(limit=PER_PAGE + 1, offset=(page - 1) * PER_PAGE)
    counts = look.reader.counts()
    total = counts.dead.total()
    return Letters(
        tuple(_letter(at, one, look, payloads=payloads) for at, one in found[:PER_PAGE]),
        page,
        len(found) > PER_PAGE,
        whole(total),
        percent(total / counts.read) if counts.read else about(0),
    )


def _letter(at: Micros | None, one: DeadLetter, look: Look, *, payloads: bool) -> Letter:
    shown = ""
    if payloads:
        cut = one.payload[:_SHOWN].decode("utf-8", "backslashreplace")
        shown = plain(cut, _SHOWN) + ("" if len(one.payload) <= _SHOWN else f" … {len(one.payload):,} bytes")
    return Letter(
        "" if at is None else look.words.stamp(at, look.now),
        f"{plain(one.partition.topic, 120)}[{one.partition.number}] at {one.offset}",
        one.reason.replace("_", " "),
        plain(one.detail, 300),
        shown,
    )
