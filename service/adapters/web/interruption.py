"""An interruption as a page: what the customers meet, who and where they are, and what was done about it."""

from typing import NamedTuple

import msgspec

from service.adapters.web import arrivals, figures
from service.adapters.web.chart import Chart, Mark, Rows, shares, table
from service.adapters.web.harm import MarkRow, Newly, Recovery, arithmetic, mark_rows, newly, recovery, step_of
from service.adapters.web.look import Look
from service.adapters.web.notes import Notes, notes
from service.adapters.web.tables import (
    BreakRow,
    Dimension,
    NoticeRow,
    Share,
    dimensions,
    notices,
)
from service.adapters.web.tables import breaks as break_rows
from service.adapters.web.tile import let_down, unit_words
from service.adapters.web.words import KINDS, Words, about, plain, segment, span, value_name, whole, will_miss
from service.core.catalog import Moment, Owner
from service.core.event import DAY, HOUR, MINUTE, Micros
from service.core.interruption import Impact, Interruption, Segment
from service.core.marks import Risk
from service.core.people import Place, Unfolding, place_of
from service.core.ports import Reader
from service.core.reporting.carried import Hit, carried, most
from service.core.reporting.due_soon import falling_due
from service.core.reporting.risk import at_risk
from service.core.reporting.usual import Due, before, steps_of, usual_of
from service.core.standing import Totals
from service.core.telling import message
from service.core.telling.labels import accountable

PER_PAGE = 50


class Fact(msgspec.Struct, frozen=True, gc=False):
    """A figure with its name and, in a line, where it comes from."""

    name: str
    figure: str
    note: str = ""


class Pages(msgspec.Struct, frozen=True, gc=False):
    """Where one is in a long list."""

    page: int
    pages: int
    total: str
    first: str
    last: str


class InterruptionPage(msgspec.Struct, frozen=True, gc=False):
    """Everything on the page."""

    id: str
    title: str
    promise: str
    moment: str
    moment_href: str
    where: str
    worst: tuple[str, ...]
    level: str
    state: str
    says: str
    owner: str
    owner_href: str
    kinds: tuple[str, ...]
    times: tuple[Fact, ...]
    harm: tuple[Fact, ...]
    sure: str
    runbook: str
    comparison: tuple[Share, ...]
    charts: tuple[Chart, ...]
    chart_rows: Rows
    chart_title: str
    chart_says: str
    notes: Notes
    dimensions: tuple[Dimension, ...]
    breaks: tuple[BreakRow, ...]
    break_columns: tuple[str, ...]
    pages: Pages
    money: tuple[str, ...]
    marks: tuple[MarkRow, ...]
    counts_customers: bool
    newly: Newly | None
    recovery: Recovery | None
    notices: tuple[NoticeRow, ...]


def build(look: Look, it: Interruption, page: int = 1) -> InterruptionPage:
    """Read and lay out one interruption; `page` of its broken promises counts from 1."""
    reader, catalog, now, words = look.reader, look.catalog, look.now, look.words
    moment = catalog.moments.get(it.moment) or Moment(it.moment, owner="")
    owner = accountable(moment, it.segment, catalog) if moment.owner else Owner("nobody any more")
    place = place_of(it, now)
    unit = step_of(place)
    course = reader.unfolding([place], unit)
    impact = course.impact
    risk = at_risk(reader, moment, [place], impact)
    due = Due(reader, it.moment, (place.start, place.end))
    inside, sums = _totals(due, it.segment), _totals(due)
    first, last, step = _around(it, now, words)
    beside = notes(look, moment, (it.segment, first, last + step), it.onset)
    plotted = _plotted(look, it, (first, last, step), beside)
    pages = page_of(impact.broken, page)
    found = reader.breaks(
        it.moment, it.segment, place.start, place.end, limit=PER_PAGE, offset=(pages.page - 1) * PER_PAGE
    )
    found_worst = carried(reader, moment, it, now)
    worse, also = most(found_worst)
    title = message.words("opened", it, moment, owner, message.Facts(now=now, most=worse)).title
    return InterruptionPage(
        id=it.id,
        title=title.partition(" · ")[2],
        promise=plain(moment.promise),
        moment=plain(moment.title or moment.name),
        moment_href=f"/moments/{moment.name}" if it.moment in catalog.moments else "",
        where=", ".join(filter(None, (segment(it.segment), message.most_words(worse, also)))),
        worst=tuple(map(_hit, found_worst)),
        level=it.level,
        state=it.state,
        says=state_words(it, now),
        owner=plain(owner.title or owner.name, 80),
        owner_href=f"/owners/{owner.name}" if owner.name in catalog.owners else "",
        kinds=tuple(KINDS[kind] for kind in it.kinds),
        times=_times(it, now, words),
        harm=(
            *_harm(it, moment, impact, inside, usual_of(before(reader, it.moment, place.start, place.end), it)),
            *_coming(reader, it, now),
            *_money(risk, moment, words),
            *_voices(course, moment),
        ),
        sure=_sure(it, moment),
        runbook=plain(moment.runbook_url, 2000),
        comparison=_comparison(it, inside, sums),
        charts=tuple(plotted.charts),
        chart_rows=plotted.rows,
        chart_title=plotted.title,
        chart_says=plotted.says,
        notes=beside,
        dimensions=dimensions(_by_value(due, moment), it.segment),
        breaks=tuple(break_rows(found, moment.dimensions, now, words)),
        break_columns=moment.dimensions,
        pages=pages,
        money=arithmetic(risk, moment, words) if risk.value or risk.yearly else (),
        marks=mark_rows(reader.marks(it.id), moment, now, words),
        counts_customers=moment.unit == "customers",
        newly=newly(dict(course.newly), unit, place, now, words, steps_of(reader, place, unit))
        if moment.unit == "customers"
        else None,
        recovery=_recovery(reader, it, moment, place, impact),
        notices=notices(reader.outbox(limit=2000), it.id, now, words),
    )


def _hit(hit: Hit) -> str:
    """`region RJ: 72 of 230, usually 24`."""
    name = f"{plain(hit.dimension, 40)} {value_name(hit.value)}"
    return f"{name}: {whole(hit.broken)} of {whole(hit.attempts)}, usually {message.number(hit.usual)}"


def _recovery(reader: Reader, it: Interruption, moment: Moment, place: Place, impact: Impact) -> Recovery | None:
    if moment.unit != "customers" or not impact.customers:
        return None
    return recovery(it, reader.contact_counts([place], it.id, everybody=impact.customers))


def page_of(total: int, page: int, per_page: int = PER_PAGE) -> Pages:
    """The page asked for, or the nearest there is."""
    pages = max(-(-total // per_page), 1)
    page = min(max(page, 1), pages)
    first = (page - 1) * per_page
    return Pages(page, pages, whole(total), whole(first + 1 if total else 0), whole(min(first + per_page, total)))


def state_words(it: Interruption, now: Micros) -> str:
    """`open for 22 min`, `resolved after 3 h`."""
    if it.state == "resolved" and it.resolved_at is not None:
        return f"resolved after {span(it.resolved_at - it.onset)}"
    if it.state == "withdrawn":
        return "withdrawn: the moment is no longer watched"
    if it.state == "stale":
        return "still open, but without data for long"
    if it.state == "recovering":
        return f"open for {span(now - it.onset)}, and seems to be over"
    return f"{it.state} for {span(now - it.onset)}"


def _times(it: Interruption, now: Micros, words: Words) -> tuple[Fact, ...]:
    late = span(it.detected_at - it.onset)
    facts = [
        Fact("Since", words.time(it.onset, now), "the most likely start"),
        Fact("Detected", words.time(it.detected_at, now), f"{late} after the start"),
    ]
    if it.resolved_at is not None:
        facts.append(Fact("Over", words.time(it.resolved_at, now), f"after {span(it.resolved_at - it.onset)}"))
    return tuple(facts)


def _totals(due: Due, segment: Segment = ()) -> Totals:
    """Attempts and breaks; customers are the impact's, for they cannot be added up."""
    return Totals(*due.within(segment))


def _by_value(due: Due, moment: Moment) -> dict[str, list[tuple[str | None, Totals]]]:
    return {name: [(value, Totals(*sums)) for value, sums in due.by_value(name).items()] for name in moment.dimensions}


def _harm(it: Interruption, moment: Moment, impact: Impact, inside: Totals, usual: float | None) -> list[Fact]:
    """`usual`: the share of broken promises, as notices have it."""
    count = let_down(moment, Totals(broken=impact.broken, customers=impact.customers))
    note = f"of {whole(inside.attempts)} promises" if moment.unit == "customers" else f"of {whole(inside.attempts)}"
    if usual is not None and inside.attempts:
        note += f"; usual {about(usual * inside.attempts)}"
    facts = [Fact(unit_words(moment, count).capitalize(), whole(count), note)]
    if moment.unit == "customers" and impact.broken != impact.customers:
        facts.append(Fact("Promises broken", whole(impact.broken), "some customers more than once"))
    who = "customers " if moment.unit == "customers" else ""
    if impact.waiting:
        facts.append(Fact("Still waiting", whole(impact.waiting), f"{who}whose promise is not kept yet"))
    if impact.settled_late:
        facts.append(Fact("Settled late", whole(impact.settled_late), f"{who}of whom all was kept after its due"))
    if impact.unknown:
        facts.append(Fact("Outcome unknown", whole(impact.unknown), f"{who}of whose promise nothing was ever heard"))
    if it.kind in _OF_EVENTS and it.seen is not None and it.expected is not None:
        facts.append(Fact("Events a window", about(it.seen), f"usual {about(it.expected)}"))
    return facts


def _coming(reader: Reader, it: Interruption, now: Micros) -> list[Fact]:
    """What of the segment's promises is still to break, as far as it is known."""
    waiting, found = falling_due(reader, it.moment, now, DAY, it.segment) if it.is_open else (0, None)
    if not waiting:
        return []
    return [Fact("Due in 24 hours", whole(waiting), f"still open{f'; {will_miss(found)}' if found else ''}")]


def _money(risk: Risk, moment: Moment, words: Words) -> list[Fact]:
    if not risk.value and not risk.yearly:
        return []
    return [Fact("At risk", words.money(risk.amount), arithmetic(risk, moment, words)[-1])]


def _voices(course: Unfolding, moment: Moment) -> list[Fact]:
    """How many of those let down complained after their own break."""
    if not course.complained:
        return []
    note = f"of the {whole(course.impact.customers)} customers" if moment.unit == "customers" else ""
    return [Fact("Complained", whole(course.complained), note)]


def _sure(it: Interruption, moment: Moment) -> str:
    if it.rule is not None:
        return f"Rule {it.rule} says so; rules stand outside the false-alarm budget."
    return f"A false alarm is expected once in {span(moment.false_alarm_interval)} on this moment."


def _comparison(it: Interruption, inside: Totals, sums: Totals) -> tuple[Share, ...]:
    if not it.segment:
        return ()
    rest = Totals(sums.attempts - inside.attempts, sums.broken - inside.broken)
    top = max((each.broken / each.attempts for each in (inside, rest) if each.attempts), default=1.0)
    return (Share.of(segment(it.segment), inside, top, mine=True), Share.of("everywhere else", rest, top))


# --- the chart ---

_STEPS = (30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)
_MOST = 72
_BEFORE = 28
_OF_EVENTS = {"volume", "silence"}


def _around(it: Interruption, now: Micros, words: Words) -> tuple[Micros, Micros, Micros]:
    """What the chart shows, and in which steps: as long before the onset as it lasted, half a day at least."""
    over = min(it.resolved_at if it.resolved_at is not None else now, now)
    around = min(max(over - it.onset, DAY // 2), 28 * DAY)
    first, last = it.onset - around, min(over + around // 2, now)
    step = next((each for each in _STEPS if (last - first) / each <= _MOST), DAY)
    origin = words.midnight(first)
    first = origin + (first - origin) // step * step
    return first, max(last, first), step


class _Plotted(NamedTuple):
    title: str
    charts: list[Chart]
    rows: Rows
    says: str


def _plotted(look: Look, it: Interruption, around: tuple[Micros, Micros, Micros], beside: Notes) -> _Plotted:
    """What it was opened for, around the onset: how many events came, or which share of the promises broke.

    Of the segment, where it is of one, or what broke there would drown in the rest.
    """
    reader, now, words = look.reader, look.now, look.words
    first, last, step = around
    starts = list(range(first, last + 1, step))
    grid = figures.Grid(starts, step, _BEFORE, every=max(DAY // step, 1))
    since, until = first - _BEFORE * DAY, starts[-1] + step
    marks = [
        Mark(it.onset, "began", words.time(it.onset, now), "onset"),
        Mark(it.detected_at, "detected", words.time(it.detected_at, now), "detected"),
    ]
    if it.resolved_at is not None:
        marks.append(Mark(it.resolved_at, "over", words.time(it.resolved_at, now), "over"))
    shaded = f"in steps of {span(step)}; shaded: where nine in ten of the "
    shaded += "same times of day lay in the four weeks before." if step < DAY else "four weeks before lay."
    where = f": {segment(it.segment)}" if it.segment else ""
    if it.kind in _OF_EVENTS:
        came = reader.arrivals(it.moment, since, until, step, segment=it.segment)
        bars = arrivals.bars(came, grid, reader.blind(it.moment, since, now + 1), now, words)
        charts = arrivals.chart(bars, words, marks, beside.times)
        whose = f"Events of {segment(it.segment)}" if it.segment else "Events"
        return _Plotted(f"Events{where}", charts, arrivals.table(bars, words, now), f"{whose}, {shaded}")
    totals = dict(reader.totals(it.moment, since, until, step, segment=it.segment, customers=False))
    points = figures.series(totals, grid, reader.blind(it.moment, first, now + 1), now)
    charts = shares(points, words, now, marks, beside.times)
    whose = f"promises of {segment(it.segment)}" if it.segment else "the moment's promises"
    says = f"Share of {whose} broken, {shaded}"
    return _Plotted(f"Share of promises broken{where}", charts, table(points, words, now), says)
