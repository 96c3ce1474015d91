"""The meter that Prometheus reads: counters and histograms that the loops feed."""

import platform
import time
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from service.adapters.metrics import catalogue as m
from service.core.catalog import LEVELS, Catalog
from service.core.counting.changes import Counts
from service.core.counting.tally import Tally
from service.core.event import REASONS, Partition
from service.core.meter import LOOPS, Loop
from service.core.outbox import Attempt
from service.core.standing import Judgement

NONE, OTHER = "_none", "_other"
"""In the place of a name that an event left out, or that is not declared; no declared name has a `_`."""

OUTCOMES: tuple[Attempt, ...] = ("sent", "failed", "unknown")

_BY_MOMENT = (m.EVENTS_ACCEPTED, m.EVENTS_LATE, m.ATTEMPTS, m.BROKEN, m.ATTEMPTS_BACK, m.BROKEN_BACK)
_BY_SOURCE = (m.EVENTS_READ, m.EVENTS_DUPLICATE, m.BATCHES_REFUSED)


def new_registry() -> CollectorRegistry:
    """A registry with the process's own metrics, to be handed to whoever adds to it."""
    # A creation time a counter would double the series; the library has no switch narrower than the process.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class _Series:
    """A metric's series, one a tuple of labels, kept to those that are wanted."""

    def __init__(self, metric: Counter | Gauge) -> None:
        self._metric = metric
        self._wanted: dict[tuple[str, ...], None] = {}

    def become(self, wanted: Iterable[tuple[str, ...]]) -> None:
        """Series that are new start at 0, those no longer wanted go, the others go on."""
        # A dict for its order: the same catalogue gives the same page of metrics.
        wanted = dict.fromkeys(wanted)
        for labels in self._wanted.keys() - wanted.keys():
            self._metric.remove(*labels)
        for labels in wanted:
            self._metric.labels(*labels)
        self._wanted = wanted


class Metrics:
    """Counts what the loops do. `service.core.meter.Meter` says when each method is called."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = Lock()
        self._moments: frozenset[str] = frozenset()
        self._targets: frozenset[str] = frozenset()
        self._source_of_topic: dict[str, str] = {}
        self._behind: dict[Partition, int] = {}
        self._by_moment = {metric: self._counter(metric) for metric in _BY_MOMENT}
        self._by_source = {metric: self._counter(metric) for metric in _BY_SOURCE}
        self._opened = self._counter(m.OPENED)
        self._rejected = self._counter(m.EVENTS_REJECTED)
        self._notices = self._counter(m.NOTICES)
        self._failures = self._counter(m.LOOP_FAILURES)
        self._books = self._gauge(m.BOOKS)
        self._batch = self._histogram(m.BATCH_SECONDS)
        self._tick = self._histogram(m.TICK_SECONDS)
        self._lag = self._gauge(m.CONSUMER_LAG)
        self._share = self._gauge(m.DEAD_LETTER_SHARE)
        self._distrusted = self._gauge(m.DISTRUSTED)
        self._reload_success = self._gauge(m.RELOAD_SUCCESS)
        self._reload_time = self._gauge(m.RELOAD_TIME)
        Info(m.BUILD.name, m.BUILD.help, registry=registry).info(
            {"version": _version(), "python": platform.python_version()}
        )
        self._moment_series = [_Series(counter) for counter in self._by_moment.values()]
        self._source_series = [_Series(counter) for counter in self._by_source.values()]
        self._source_series += [_Series(self._lag), _Series(self._share), _Series(self._distrusted)]
        self._opened_series = _Series(self._opened)
        self._notice_series = _Series(self._notices)
        _Series(self._rejected).become((reason,) for reason in (*REASONS, OTHER))
        _Series(self._failures).become((loop,) for loop in LOOPS)
        for loop in LOOPS:
            self._tick.labels(loop)
        self._declare(Catalog())

    def loaded(self, catalog: Catalog) -> None:
        """Series of what is declared now start at 0; those of what no longer is go."""
        self._declare(catalog)
        self._reload_success.set(1)
        self._reload_time.set(self._clock())

    def _declare(self, catalog: Catalog) -> None:
        with self._lock:
            self._moments = frozenset(catalog.moments)
            self._targets = frozenset(catalog.targets)
            self._source_of_topic = {source.topic: source.name for source in catalog.sources.values()}
            for series in self._moment_series:
                series.become((name,) for name in (*catalog.moments, NONE, OTHER))
            for series in self._source_series:
                series.become((name,) for name in (*catalog.sources, OTHER))
            lag = dict.fromkeys((*catalog.sources, OTHER), 0)
            for partition, records in self._behind.items():
                lag[self._source(partition)] += records
            for name, total in lag.items():
                self._lag.labels(name).set(total)
            self._opened_series.become((name, level) for name in catalog.moments for level in LEVELS)
            targets = (*catalog.targets, OTHER)
            self._notice_series.become((name, outcome) for name in targets for outcome in OUTCOMES)

    def load_failed(self) -> None:
        """The catalogue before stays in force; the time of its loading stands."""
        self._reload_success.set(0)

    def ingested(self, partition: Partition, counts: Counts, tally: Tally, seconds: float) -> None:
        """Count a committed batch."""
        source = self._source(partition)
        self._by_source[m.EVENTS_READ].labels(source).inc(counts.read)
        self._by_source[m.EVENTS_DUPLICATE].labels(source).inc(counts.duplicate)
        for name, number in counts.accepted.items():
            self._by_moment[m.EVENTS_ACCEPTED].labels(self._moment(name)).inc(number)
        for name, number in counts.late.items():
            self._by_moment[m.EVENTS_LATE].labels(self._moment(name)).inc(number)
        for reason, number in counts.dead.items():
            self._rejected.labels(reason if reason in REASONS else OTHER).inc(number)
        self._tallied(tally)
        self._batch.observe(seconds)
        self._tick.labels("ingest").observe(seconds)

    def refused(self, partition: Partition) -> None:
        """Count a batch that was thrown away."""
        self._by_source[m.BATCHES_REFUSED].labels(self._source(partition)).inc()

    def behind(self, partition: Partition, records: int | None) -> None:
        """Keep how far a partition lags; its source shows the sum."""
        with self._lock:
            before = self._behind.pop(partition, 0)
            if records is not None:
                self._behind[partition] = records
            self._lag.labels(self._source(partition)).inc((records or 0) - before)

    def rejecting(self, source: str, share: float | None, *, distrusted: bool) -> None:
        """Of late, as far as anybody can say."""
        if share is not None:
            self._share.labels(source).set(share)
        self._distrusted.labels(source).set(distrusted)

    def closed(self, moment: str, tally: Tally, seconds: float) -> None:  # noqa: ARG002  # the tally names it
        """Count what a closing expired."""
        self._tallied(tally)
        self._tick.labels("watch").observe(seconds)

    def judged(self, moment: str, judgement: Judgement, seconds: float) -> None:  # noqa: ARG002  # as above
        """Count what a judgement opened."""
        for change in judgement.changes:
            name = change.interruption.moment
            if change.what == "opened" and name in self._moments:
                self._opened.labels(name, change.interruption.level).inc()
        self._tick.labels("watch").observe(seconds)

    def delivered(self, target: str, outcome: Attempt, seconds: float) -> None:
        """Count an attempt; a target that the catalogue no longer has still finishes its rows."""
        self._notices.labels(target if target in self._targets else OTHER, outcome).inc()
        self._tick.labels("send").observe(seconds)

    def failed(self, loop: Loop) -> None:
        """Count a turn that ended in error."""
        self._failures.labels(loop).inc()

    def recounted(self, off: int) -> None:
        """What the rows themselves say."""
        self._books.set(off)

    def _tallied(self, tally: Tally) -> None:
        """The net of a transaction, for a promise that moves from one window to another changes nothing."""
        for name, windows in tally.cells.items():
            label = self._moment(name)
            cells = [cell for window in windows.values() for cell in window.values()]
            for up, back, net in (
                (m.ATTEMPTS, m.ATTEMPTS_BACK, sum(cell.attempts for cell in cells)),
                (m.BROKEN, m.BROKEN_BACK, sum(cell.broken for cell in cells)),
            ):
                self._by_moment[up if net > 0 else back].labels(label).inc(abs(net))

    def _moment(self, name: str) -> str:
        return name if name in self._moments else OTHER if name else NONE

    def _source(self, partition: Partition) -> str:
        return self._source_of_topic.get(partition.topic, OTHER)

    def _counter(self, metric: m.Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _gauge(self, metric: m.Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, metric: m.Metric) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, registry=self._registry, buckets=metric.buckets)


def _version() -> str:
    try:
        return version("momentwatch")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+source"
