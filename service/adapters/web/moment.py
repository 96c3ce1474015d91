"""A moment as a page: its days and hours against the usual, where it breaks, what falls due."""

import msgspec

from service.adapters.web import figures
from service.adapters.web.chart import Chart, Rows, Step, counts, shares, table
from service.adapters.web.listing import Line, line
from service.adapters.web.look import Look
from service.adapters.web.notes import Notes, notes
from service.adapters.web.tables import Dimension, dimensions
from service.adapters.web.tile import BEFORE, SHOWN, WEEK, Tile, see, tile
from service.adapters.web.wall import owner_name
from service.adapters.web.words import Words, percent, plain, span, whole, will_miss
from service.core.catalog import Moment
from service.core.event import DAY, HOUR, Micros
from service.core.ports import Reader
from service.core.reporting.due_soon import Where, will_miss_where
from service.core.reporting.goalposts import goalposts, said
from service.core.standing import Totals

_HOURS = 72


class Budget(msgspec.Struct, frozen=True, gc=False):
    """An objective and how much of its budget is left."""

    target: str
    window: str
    kept: str
    left: str
    overspent: bool


class Due(msgspec.Struct, frozen=True, gc=False):
    """A day's promises."""

    day: str
    promised: str
    waiting: str


class Falling(msgspec.Struct, frozen=True, gc=False):
    """The promises that fall due, day by day."""

    days: tuple[Due, ...]
    charts: tuple[Chart, ...]


class MomentPage(msgspec.Struct, frozen=True, gc=False):
    """Everything on the page."""

    tile: Tile
    promise: str
    title: str
    charts: tuple[Chart, ...]
    chart_rows: Rows
    hours: tuple[Chart, ...]
    hour_rows: Rows
    budgets: tuple[Budget, ...]
    notes: Notes
    due: Falling | None
    will_miss: str
    moved: tuple[str, ...]
    dimensions: tuple[Dimension, ...]
    interruptions: tuple[Line, ...]
    terms: tuple[tuple[str, str], ...]
    runbook: str
    owner_href: str


def build(look: Look, moment: Moment) -> MomentPage:
    """Read and lay out one moment."""
    reader, catalog, now, words = look.reader, look.catalog, look.now, look.words
    name = moment.name
    rows = reader.interruptions(moment=name, since=now - 90 * DAY)
    [seen] = see(look, {name: moment}, [row for row in rows if row.is_open]).values()
    days = figures.series(seen.days, figures.Grid(words.days(now, SHOWN), DAY, BEFORE), seen.blind, now)
    hours = _hours(reader, name, now)
    beside = notes(look, moment, ((), days[0].start, days[-1].end))
    return MomentPage(
        tile=tile(seen, owner_name(catalog, moment.owner), now, words),
        promise=plain(moment.promise),
        title=plain(moment.title or name),
        charts=tuple(shares(days, words, now, (), beside.times)),
        chart_rows=table(days, words, now),
        hours=tuple(shares(hours, words, now)),
        hour_rows=table(hours, words, now),
        budgets=tuple(_budgets(reader, moment, now)),
        notes=beside,
        due=_due(reader, name, now, words),
        will_miss=_will_miss(reader, moment, now),
        moved=tuple(f"{line[0].upper()}{line[1:]}." for line in said(goalposts(reader, name, now + 1 - WEEK, now + 1))),
        dimensions=dimensions(seen.by_value),
        interruptions=tuple(line(reader, moment, row, now, words) for row in reversed(rows[-20:])),
        terms=tuple(_terms(moment)),
        runbook=plain(moment.runbook_url, 2000),
        owner_href=f"/owners/{moment.owner}" if moment.owner in catalog.owners else "",
    )


def _hours(reader: Reader, name: str, now: Micros) -> list[figures.Point]:
    last = now - now % HOUR
    grid = figures.Grid([last - HOUR * back for back in reversed(range(_HOURS))], HOUR, BEFORE, every=24)
    totals = dict(reader.totals(name, grid.starts[0] - BEFORE * DAY, now + 1, HOUR, customers=False))
    return figures.series(totals, grid, reader.blind(name, grid.starts[0], now + 1), now)


def _budgets(reader: Reader, moment: Moment, now: Micros) -> list[Budget]:
    found = []
    for objective in moment.objectives:
        steps = reader.totals(moment.name, now + 1 - objective.window, now + 1, objective.window, customers=False)
        sums = steps[0][1] if steps else Totals()
        allowed = sums.attempts * (1 - objective.target)
        left = 1 - sums.broken / allowed if allowed else 1.0
        kept = percent(1 - sums.broken / sums.attempts) if sums.attempts else "nothing yet"
        said = f"{percent(left)} left" if left >= 0 else f"overspent by {whole(sums.broken - allowed)} broken"
        found.append(Budget(percent(objective.target), span(objective.window), kept, said, left < 0))
    return found


def _due(reader: Reader, name: str, now: Micros, words: Words) -> Falling | None:
    """Day by day; None where nothing is promised."""
    if not reader.due(name, now, now + WEEK)[1]:
        return None
    today = words.midnight(now)
    days, steps = [], []
    for day in range(8):
        start = max(today + day * DAY, now)
        end = min(today + (day + 1) * DAY, now + WEEK)
        waiting, promised = reader.due(name, start, end) if end > start else (0, 0)
        days.append(Due(words.day(start, now), whole(promised), whole(waiting)))
        label = f"{days[-1].day}: {promised:,} fall due, {waiting:,} of them still open."
        parts = ((waiting, "open"), (promised - waiting, "usual"))
        steps.append(Step(today + day * DAY, today + (day + 1) * DAY, parts, label))
    return Falling(tuple(days), tuple(counts(steps, words)))


def _will_miss(reader: Reader, moment: Moment, now: Micros) -> str:
    """What is to be expected of the next day, and where; empty where too little is known."""
    found, places = will_miss_where(reader, moment.name, now, DAY, moment.dimensions)
    if found is None:
        return ""
    due = f"{whole(found.open)} open {'promise falls' if found.open == 1 else 'promises fall'} due in 24 hours"
    where = ", ".join(map(_at, places))
    return f"{due}: {will_miss(found)}.{f' Above their share: {where}.' if where else ''}"


def _at(place: Where) -> str:
    it = place.forecast
    spread = f"{whole(it.low)} to {whole(it.high)}"
    return (
        f"{plain(place.dimension, 40)} {plain(place.value, 40)} {whole(it.middle)} ({spread}) of {whole(it.open)} open"
    )


def _terms(moment: Moment) -> list[tuple[str, str]]:
    loss = moment.loss_probability
    cost = "puts its whole value at risk" if loss is None else f"loses the customer {percent(loss)} of the time"
    return [
        ("Counts", plain(moment.unit, 40)),
        ("Watched by", ", ".join(("the whole", *moment.dimensions))),
        ("A false alarm", f"is expected once in {span(moment.false_alarm_interval)}"),
        ("A broken promise", cost),
        ("Window", span(moment.window)),
    ]
