"""The gauges that the store knows, read when somebody scrapes and kept for some seconds."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Lock

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from service.adapters.metrics import catalogue as m
from service.core.catalog import LEVELS, Catalog, Moment
from service.core.counting.watermark import watermark
from service.core.event import DAY, MINUTE, SECOND, Micros
from service.core.interruption import Interruption
from service.core.judging.standing import STANDINGS, expected_through, standing
from service.core.ports import Reader
from service.core.reporting.affected import affected, place_of
from service.core.reporting.due_soon import will_miss
from service.core.reporting.journeys import Span, owned, places
from service.core.reporting.knowing import Knowing
from service.core.reporting.repeat import again
from service.core.standing import MomentStatus, Totals

_LOG = logging.getLogger(__name__)

WEEK: Micros = 7 * DAY
FAR: Micros = 100 * 366 * DAY
"""Later than any promise falls due."""
_ROWS = 10_000
_RARELY_S = 60.0


def wall() -> Micros:
    """The wall clock, which outbox rows carry."""
    return time.time_ns() // 1000


class Figures:
    """One reading: families by metric, each with its samples."""

    def __init__(self, currency: str) -> None:
        self._value = m.value_at_risk(currency)
        self._families: dict[str, Family] = {}
        for metric in (*(each for each in m.CATALOGUE if each in _READ), self._value):
            self._families[metric.name] = _family(metric)

    def put(self, metric: m.Metric, value: float | None, *labels: str) -> None:
        """Add a sample; what is not known has none."""
        if value is None or math.isnan(value):
            return
        name = self._value.name if metric is m.VALUE_AT_RISK else metric.name
        self._families[name].add_metric(list(labels), value)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[Family]:
        return iter(self._families.values())


_READ = frozenset(
    {
        *(m.WEEK_PROMISED, m.WEEK_GIVEN, m.WEEK_REDATED, m.WEEK_CANCELLED, m.WEEK_LOOSENED, m.PROMISES_GIVEN_UP),
        *(m.WEEK_ATTEMPTS, m.WEEK_BROKEN, m.OBJECTIVE, m.BUDGET_LEFT, m.PROMISES_OPEN, m.PROMISES_OVERDUE),
        *(
            m.PROMISES_DUE_SOON,
            m.PROMISES_WILL_MISS,
            m.SCORE,
            m.EXPECTED,
            m.EXPECTED_LOWER,
            m.EXPECTED_UPPER,
            m.STATE,
            m.BLIND,
        ),
        *(m.BLIND_SECONDS, m.LEARNING_LEFT, m.OPEN, m.CUSTOMERS, m.CUSTOMERS_ALL, m.BREAKS_OPEN),
        *(m.JOURNEY_CUSTOMERS, m.OWNER_CUSTOMERS, m.HIT_AGAIN),
        *(m.KNOWN_FIRST, m.LEAD, m.NOTICES_WAITING, m.NOTICES_OLDEST, m.WATERMARK_LAG, m.DEAD_LETTERS),
        *(m.GAPS, m.LOST, m.RECONCILE, m.STORE_UP, m.STORE_SECONDS),
    }
)
"""What is read from the store; the rest is counted by the loops."""


class StoreCollector(Collector):
    """Reads the store when scraped, at most once in `keep` seconds; `now` is the clock of the events."""

    def __init__(
        self,
        reader: Reader,
        catalog: Callable[[], Catalog],
        now: Callable[[], Micros],
        *,
        currency: str = "EUR",
        minor_digits: int = 2,
        keep: float = 5.0,
        wall_clock: Callable[[], Micros] = wall,
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._now = now
        self._wall = wall_clock
        self._currency = currency
        self._scale = 10**minor_digits
        self._keep = keep
        self._lock = Lock()
        self._read_at = -math.inf
        self._figures: list[Family] = []
        self._counted: Sequence[tuple[m.Metric, tuple[str, ...], float]] = ()
        self._counted_at = -math.inf
        self._counted_for: Catalog | None = None
        self._knowing = Knowing()

    def describe(self) -> Iterator[Family]:
        """The names, so that registering does not read the store."""
        return iter(Figures(self._currency))

    def collect(self) -> Iterator[Family]:
        """The last reading, or a new one when that is too old; scrapes that come together share one."""
        with self._lock:
            if time.monotonic() - self._read_at >= self._keep:
                self._figures = list(self._read())
                self._read_at = time.monotonic()
            return iter(self._figures)

    def _read(self) -> Figures:
        began = time.perf_counter()
        figures = Figures(self._currency)
        try:
            self._whole(figures)
            figures.put(m.STORE_UP, 1)
        except Exception:  # noqa: BLE001  # a scrape must answer, most of all when something is wrong
            _LOG.exception("metrics: the store could not be read; its gauges are left out")
            figures = Figures(self._currency)
            figures.put(m.STORE_UP, 0)
        figures.put(m.STORE_SECONDS, time.perf_counter() - began)
        return figures

    def _whole(self, figures: Figures) -> None:
        catalog, now = self._catalog(), self._now()
        interruptions = [one for one in self._reader.interruptions(open_only=True) if one.moment in catalog.moments]
        for moment in catalog.moments.values():
            mine = [one for one in interruptions if one.moment == moment.name]
            self._promises(figures, moment, now)
            expected = expected_through(catalog, moment, now)
            self._standing(figures, self._reader.status(moment.name), mine, (now, expected))
            self._open(figures, moment, mine, now)
        people = [one for one in interruptions if catalog.moments[one.moment].unit == "customers"]
        figures.put(m.CUSTOMERS_ALL, affected(self._reader, [place_of(one, now) for one in people]).customers)
        for metric, label, value in self._people(catalog, now):
            figures.put(metric, value, *label)
        self._knowing.look(self._reader, catalog, now)
        for by, number in self._knowing.first.items():
            figures.put(m.KNOWN_FIRST, number, by)
        for name, lead in self._knowing.leads.items():
            if name in catalog.moments:
                figures.put(m.LEAD, lead / SECOND, name)
        self._machinery(figures, catalog, now)

    def _people(self, catalog: Catalog, now: Micros) -> Sequence[tuple[m.Metric, tuple[str, ...], float]]:
        """Distinct customers over weeks, counted at most once a minute: each is a pass over all their breaks."""
        if catalog is not self._counted_for or time.monotonic() - self._counted_at >= _RARELY_S:
            span = Span(now + 1 - WEEK, now + 1)
            journeys = {
                journey.name: [name for stage in journey.stages for name in stage.moments]
                for journey in catalog.journeys.values()
            }
            found: list[tuple[m.Metric, tuple[str, ...], float]] = [
                (m.HIT_AGAIN, (), again(self._reader, catalog, now, 30, top=0).at_least(2))
            ]
            for name, moments in journeys.items():
                people = [each for each in moments if catalog.moments[each].unit == "customers"]
                found.append((m.JOURNEY_CUSTOMERS, (name,), self._reader.harm(places(people, span)).customers))
            for name in catalog.owners:
                mine = owned(catalog, name, span)
                found.append((m.OWNER_CUSTOMERS, (name,), self._reader.harm(mine).customers if mine else 0))
            self._counted, self._counted_at, self._counted_for = found, time.monotonic(), catalog
        return self._counted

    def _promises(self, figures: Figures, moment: Moment, now: Micros) -> None:
        name, reader = moment.name, self._reader
        week = self._sum(name, now, WEEK)
        figures.put(m.WEEK_ATTEMPTS, week.attempts, name)
        figures.put(m.WEEK_BROKEN, week.broken, name)
        for objective in moment.objectives:
            sums = week if objective.window == WEEK else self._sum(name, now, objective.window)
            allowed = sums.attempts * (1 - objective.target)
            left = 1 - sums.broken / allowed if allowed else 1.0 if not sums.broken else None
            window = _words(objective.window)
            figures.put(m.OBJECTIVE, objective.target, name, window)
            figures.put(m.BUDGET_LEFT, left, name, window)
        given_up = reader.status(name).given_up_through
        figures.put(m.PROMISES_OPEN, reader.due(name, given_up, FAR)[0], name)
        figures.put(m.PROMISES_OVERDUE, reader.due(name, given_up, now)[0], name)
        figures.put(m.PROMISES_GIVEN_UP, reader.due(name, 0, given_up)[0], name)
        self._goalposts(figures, name, week, now)
        figures.put(m.PROMISES_DUE_SOON, reader.due(name, now, now + DAY)[0], name)
        coming = will_miss(reader, name, now)
        if coming is not None:
            for bound, count in (("low", coming.low), ("middle", coming.middle), ("high", coming.high)):
                figures.put(m.PROMISES_WILL_MISS, count, name, bound)

    def _goalposts(self, figures: Figures, name: str, week: Totals, now: Micros) -> None:
        since = now + 1 - WEEK
        sums = self._reader.signals(name, since - since % DAY, now + 1)
        figures.put(m.WEEK_PROMISED, sums.get("promised", 0), name)
        figures.put(m.WEEK_GIVEN, sums.get("given_s", 0), name)
        figures.put(m.WEEK_REDATED, sums.get("redated_later", 0), name, "later")
        figures.put(m.WEEK_REDATED, sums.get("redated_sooner", 0), name, "sooner")
        figures.put(m.WEEK_CANCELLED, week.cancelled, name)
        loosened = sum(edit.looser for edit in self._reader.edits(since, now + 1) if edit.moment == name)
        figures.put(m.WEEK_LOOSENED, loosened, name)

    def _sum(self, moment: str, now: Micros, window: Micros) -> Totals:
        sums = self._reader.totals(moment, now + 1 - window, now + 1, window)
        return sums[0][1] if sums else Totals()

    def _standing(
        self,
        figures: Figures,
        status: MomentStatus,
        interruptions: list[Interruption],
        times: tuple[Micros, Micros],
    ) -> None:
        name = status.moment
        now, expected = times
        word = standing(status, interruptions, expected).word
        for each in STANDINGS:
            figures.put(m.STATE, each == word, name, each)
        blind = status.blind_since
        figures.put(m.BLIND, blind is not None, name)
        figures.put(m.BLIND_SECONDS, 0 if blind is None else max(now - blind, 0) / SECOND, name)
        seen, needed = status.learning or (0.0, 0.0)
        figures.put(m.LEARNING_LEFT, max(needed - seen, 0.0) * DAY / SECOND, name)
        for series in status.series:
            if series.segment:
                continue
            figures.put(m.SCORE, series.evidence, name, series.detector)
            figures.put(m.EXPECTED, series.expected, name, series.detector)
            figures.put(m.EXPECTED_LOWER, series.lower, name, series.detector)
            figures.put(m.EXPECTED_UPPER, series.upper, name, series.detector)

    def _open(self, figures: Figures, moment: Moment, interruptions: list[Interruption], now: Micros) -> None:
        name = moment.name
        for level in LEVELS:
            figures.put(m.OPEN, sum(one.level == level for one in interruptions), name, level)
        impact = affected(self._reader, [place_of(one, now) for one in interruptions])
        if moment.unit == "customers":
            figures.put(m.CUSTOMERS, impact.customers, name)
        figures.put(m.BREAKS_OPEN, impact.broken, name)
        share = 1.0 if moment.loss_probability is None else moment.loss_probability
        figures.put(m.VALUE_AT_RISK, impact.value / self._scale * share, name)

    def _machinery(self, figures: Figures, catalog: Catalog, now: Micros) -> None:
        clocks = self._reader.clocks()
        gaps = self._reader.gaps()
        for source in catalog.sources.values():
            mark = watermark(clock for clock in clocks if clock.partition.topic == source.topic)
            figures.put(m.WATERMARK_LAG, None if mark is None else max(now - mark, 0) / SECOND, source.name)
            mine = [gap for gap in gaps if gap.partition.topic == source.topic]
            figures.put(m.GAPS, len(mine), source.name)
            figures.put(m.LOST, sum(gap.records for gap in mine), source.name)
        counts = self._reader.counts()
        dead = counts.dead.total()
        figures.put(m.DEAD_LETTERS, dead)
        figures.put(m.RECONCILE, counts.read - counts.accepted.total() - counts.duplicate - dead)
        waiting = [row for row in self._reader.outbox(limit=_ROWS) if row.state in {"waiting", "attempting"}]
        oldest = min((row.created_at for row in waiting), default=None)
        figures.put(m.NOTICES_WAITING, len(waiting))
        figures.put(m.NOTICES_OLDEST, 0 if oldest is None else max(self._wall() - oldest, 0) / SECOND)


def _family(metric: m.Metric) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)


def _words(window: Micros) -> str:
    """`4w`, `30d`, `90m`: as the catalogue writes it."""
    for width, letter in ((WEEK, "w"), (DAY, "d"), (60 * MINUTE, "h"), (MINUTE, "m")):
        if window % width == 0:
            return f"{window // width}{letter}"
    return f"{window // SECOND}s"
