"""The metrics keep to the names, types and labels of their catalogue, and to what was declared."""

import re

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.adapters.metrics import catalogue
from service.adapters.metrics.catalogue import CATALOGUE, value_at_risk
from service.adapters.metrics.collector import StoreCollector
from service.adapters.metrics.meter import Metrics, new_registry
from service.core.catalog import Catalog, Moment, Owner, Source, Target
from service.core.counting.changes import Counts
from service.core.counting.tally import Tally
from service.core.event import HOUR, Complaint, Outcome, Partition
from service.core.interruption import Change
from service.core.meter import Meter  # noqa: TC001  # with the rest of the core
from service.core.reporting.due_soon import will_miss
from service.core.standing import Judgement
from tests.adapters.web.world import LATE, NOW, PARTITION, RIO_LATE, World, interruption, stamp

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

CATALOG = Catalog(
    owners={"ops": Owner("ops", targets=("desk",))},
    targets={"desk": Target("desk")},
    moments={"a": Moment("a", "ops"), "b": Moment("b", "ops", unit="flights")},
    sources={"orders": Source("orders", PARTITION.topic)},
)


def samples(registry: CollectorRegistry) -> Samples:
    """Everything exposed, as Prometheus would read it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def one(found: Samples, metric: catalogue.Metric, **labels: str) -> float:
    return found[metric.name, tuple(sorted(labels.items()))]


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    counted = Metrics(registry)
    _as_the_loops_see_it: Meter = counted
    counted.loaded(CATALOG)
    return counted


def test_names_follow_prometheus() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in (*CATALOGUE, value_at_risk("BRL")):
        assert re.fullmatch(r"momentwatch(_[a-z0-9]+)+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.help.endswith(".")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert not {"customer", "key", "id", "region"} & set(metric.labels)
    assert value_at_risk("BRL").name == "momentwatch_value_at_risk_brl"


def test_everything_exposed_is_in_the_catalogue_and_the_other_way_round(market: World) -> None:
    registry = new_registry()
    Metrics(registry).loaded(market.catalog)
    registry.register(StoreCollector(market.store, lambda: market.catalog, lambda: NOW, currency="BRL"))
    families = {
        family.name: family
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        if family.name.startswith("momentwatch_")
    }
    declared = {metric.name: metric for metric in CATALOGUE if metric is not catalogue.VALUE_AT_RISK}
    declared["momentwatch_value_at_risk_brl"] = value_at_risk("BRL")
    shown = {
        name.removesuffix("_total") if metric.kind == "counter" else f"{name}_info" if metric.kind == "info" else name
        for name, metric in declared.items()
    }
    assert set(families) == shown
    for name, metric in declared.items():
        family = families.get(name.removesuffix("_total"))
        for sample in family.samples if family else ():
            assert set(sample.labels) - {"le"} == set(metric.labels), name


def test_every_moments_series_start_at_0_and_go_with_it(registry: CollectorRegistry, metrics: Metrics) -> None:
    found = samples(registry)
    for metric in (catalogue.ATTEMPTS, catalogue.BROKEN, catalogue.EVENTS_ACCEPTED, catalogue.EVENTS_LATE):
        assert one(found, metric, moment="a") == 0
    for level in ("low", "medium", "high", "critical"):
        assert one(found, catalogue.OPENED, moment="b", level=level) == 0
    for outcome in ("sent", "failed", "unknown"):
        assert one(found, catalogue.NOTICES, target="desk", outcome=outcome) == 0
    assert one(found, catalogue.CONSUMER_LAG, source="orders") == 0

    tally = Tally()
    tally.cell("a", 0, (), late=False).attempts = 3
    metrics.closed("a", tally, 0.1)
    metrics.loaded(Catalog(owners=CATALOG.owners, moments={"a": CATALOG.moments["a"]}))
    found = samples(registry)
    assert one(found, catalogue.ATTEMPTS, moment="a") == 3, "what stays goes on"
    gone = {("moment", "b"), ("target", "desk"), ("source", "orders")}
    assert not [labels for _, labels in found if gone & set(labels)]


def test_a_batch_is_counted_with_its_equation(registry: CollectorRegistry, metrics: Metrics) -> None:
    counts = Counts(read=9, duplicate=2)
    counts.accepted.update({"a": 3, "b": 1, "": 1})
    counts.late.update({"a": 1})
    counts.dead.update({"not_json": 1, "a reason that no list has": 1})
    tally = Tally()
    tally.cell("a", 0, ("x",), late=False).attempts = 3
    tally.cell("a", 0, ("x",), late=True).broken = 1
    metrics.ingested(PARTITION, counts, tally, 0.02)
    found = samples(registry)
    total = {
        metric: sum(value for (name, _), value in found.items() if name == metric.name)
        for metric in (
            catalogue.EVENTS_READ,
            catalogue.EVENTS_ACCEPTED,
            catalogue.EVENTS_DUPLICATE,
            catalogue.EVENTS_REJECTED,
        )
    }
    assert list(total.values()) == [9, 5, 2, 2]
    assert one(found, catalogue.EVENTS_READ, source="orders") == 9
    assert one(found, catalogue.EVENTS_ACCEPTED, moment="_none") == 1
    assert one(found, catalogue.EVENTS_REJECTED, reason="_other") == 1
    assert one(found, catalogue.ATTEMPTS, moment="a") == 3
    assert one(found, catalogue.BROKEN, moment="a") == 1
    assert found["momentwatch_batch_seconds_count", ()] == 1


def test_a_break_that_is_taken_back_is_counted_beside_it(registry: CollectorRegistry, metrics: Metrics) -> None:
    for broken in (1, -1):
        tally = Tally()
        tally.cell("a", 0, (), late=True).broken = broken
        metrics.closed("a", tally, 0.0)
    moved = Tally()
    moved.cell("a", 0, (), late=False).attempts = -1
    moved.cell("a", HOUR, (), late=False).attempts = 1
    metrics.closed("a", moved, 0.0)
    found = samples(registry)
    assert (one(found, catalogue.BROKEN, moment="a"), one(found, catalogue.BROKEN_BACK, moment="a")) == (1, 1)
    assert one(found, catalogue.ATTEMPTS, moment="a") == 0, "what only moves changes nothing"


def test_consumer_lag_is_the_sum_over_the_partitions_that_are_ours(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    for number, behind in enumerate((5, 7)):
        metrics.behind(Partition(PARTITION.topic, number), behind)
    assert one(samples(registry), catalogue.CONSUMER_LAG, source="orders") == 12
    metrics.behind(Partition(PARTITION.topic, 0), None)
    assert one(samples(registry), catalogue.CONSUMER_LAG, source="orders") == 7


def test_the_loops_other_words_are_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.refused(PARTITION)
    metrics.delivered("desk", "sent", 0.2)
    metrics.delivered("a target that was declared once", "failed", 0.2)
    metrics.failed("send")
    change = Change("opened", NOW, interruption("a", (), NOW, NOW))
    metrics.judged("a", Judgement(NOW, (change,)), 0.1)
    metrics.load_failed()
    found = samples(registry)
    assert one(found, catalogue.BATCHES_REFUSED, source="orders") == 1
    assert one(found, catalogue.NOTICES, target="desk", outcome="sent") == 1
    assert one(found, catalogue.NOTICES, target="_other", outcome="failed") == 1
    assert one(found, catalogue.LOOP_FAILURES, loop="send") == 1
    assert one(found, catalogue.OPENED, moment="a", level="high") == 1
    assert one(found, catalogue.RELOAD_SUCCESS) == 0
    assert one(found, catalogue.RELOAD_TIME) > 0


def test_the_process_shows_itself(registry: CollectorRegistry, metrics: Metrics) -> None:
    found = samples(registry)
    assert found["process_resident_memory_bytes", ()] > 0
    assert any(name == "momentwatch_build_info" and value == 1 for (name, _), value in found.items())


# --- bounded, whatever comes ---


def test_ten_thousand_hostile_names_add_no_series(registry: CollectorRegistry, metrics: Metrics) -> None:
    before = len(samples(registry))
    for number in range(10_000):
        counts = Counts(read=1)
        counts.accepted[f'm{number}"}} evil_metric 1\n<script>'] += 1
        tally = Tally()
        tally.cell(f"m{number}", 0, (f"region {number}", "<script>"), late=False).attempts = 1
        metrics.ingested(Partition(f"topic-{number}", number), counts, tally, 0.0)
        metrics.behind(Partition(f"topic-{number}", number), 1)
    found = samples(registry)
    assert len(found) == before
    assert one(found, catalogue.EVENTS_ACCEPTED, moment="_other") == 10_000
    assert "script" not in generate_latest(registry).decode().split("# HELP momentwatch", 1)[1]


def test_what_events_say_never_becomes_a_label() -> None:
    world = World(Catalog(owners=CATALOG.owners, moments={"a": Moment("a", "ops", dimensions=("region",))}))
    at = stamp(NOW - HOUR)
    world.take(
        [
            Outcome(
                id=f"{n}",
                time=at,
                moment="a",
                customer=f"secret-{n}",
                outcome="broken",
                reason=f"secret-{n}",
                dimensions={"region": f"secret-{n}", f"secret-{n}": "x"},
            )
            for n in range(500)
        ]
        + [Complaint(id=f"c{n}", time=at, customer=f"secret-{n}", moment=f"secret-{n}") for n in range(500)]
    )
    found = interruption("a", (("region", ("secret-1",)),), NOW - 2 * HOUR, NOW - HOUR)
    world.judge("a", Judgement(NOW, (Change("opened", NOW, found),)))
    registry = new_registry()
    Metrics(registry).loaded(world.catalog)
    registry.register(StoreCollector(world.store, lambda: world.catalog, lambda: NOW))
    assert "secret" not in generate_latest(registry).decode()


# --- read from the store ---


@pytest.fixture(scope="module")
def read(market: World) -> Samples:
    registry = CollectorRegistry()
    registry.register(StoreCollector(market.store, lambda: market.catalog, lambda: NOW, currency="BRL"))
    return samples(registry)


def test_the_states_sum_to_the_number_of_moments(read: Samples, market: World) -> None:
    states = {labels: value for (name, labels), value in read.items() if name == catalogue.STATE.name}
    assert sum(states.values()) == len(market.catalog.moments)
    assert one(read, catalogue.STATE, moment=LATE, state="unreliable") == 1
    assert one(read, catalogue.BLIND, moment="refunded-in-five-days") == 1
    assert one(read, catalogue.BLIND_SECONDS, moment="refunded-in-five-days") == 5 * 3600 + 24 * 60
    assert one(read, catalogue.LEARNING_LEFT, moment="answered-in-a-day") == 10 * 86_400


def test_an_open_interruption_shows_its_customers_and_its_money(read: Samples, market: World) -> None:
    impact = market.store.impact(LATE, RIO_LATE.segment, RIO_LATE.onset, NOW + 1)
    assert impact.customers > 0
    assert one(read, catalogue.OPEN, moment=LATE, level="high") == 1
    assert one(read, catalogue.OPEN, moment=LATE, level="low") == 0
    assert one(read, catalogue.CUSTOMERS, moment=LATE) == impact.customers
    assert one(read, value_at_risk("BRL"), moment=LATE) == pytest.approx(impact.value / 100 * 0.08)


def test_the_all_moments_figure_counts_a_customer_once(read: Samples) -> None:
    apart = [value for (name, _), value in read.items() if name == catalogue.CUSTOMERS.name]
    assert max(apart) <= one(read, catalogue.CUSTOMERS_ALL) <= sum(apart)


def test_over_all_moments_customers_of_open_interruptions_are_counted_once_and_flights_are_none() -> None:
    names = {"a": "customers", "b": "customers", "f": "flights"}
    moments = {name: Moment(name, "ops", unit=unit) for name, unit in names.items()}
    world = World(Catalog(owners={"ops": Owner("ops")}, moments=moments))
    hit = {"a": ["ann", "bob"], "b": ["bob", "eve"], "f": ["AA1", "AA2", "ann"]}
    world.take(
        [
            Outcome(f"{name}{who}", stamp(NOW - HOUR), name, who, "broken")
            for name, people in hit.items()
            for who in people
        ]
        + [Outcome("before", stamp(NOW - 9 * HOUR), "a", "kim", "broken")]
    )
    for name in names:
        found = interruption(name, (), NOW - 2 * HOUR, NOW - HOUR)
        world.judge(name, Judgement(NOW, (Change("opened", NOW, found),)))
    registry = CollectorRegistry()
    registry.register(StoreCollector(world.store, lambda: world.catalog, lambda: NOW))
    read = samples(registry)
    assert one(read, catalogue.CUSTOMERS_ALL) == 3
    assert [one(read, catalogue.CUSTOMERS, moment=name) for name in ("a", "b")] == [2, 2]
    assert one(read, catalogue.HIT_AGAIN) == 1


def test_only_customers_are_called_customers(read: Samples) -> None:
    moments = {dict(labels)["moment"] for name, labels in read if name == catalogue.CUSTOMERS.name}
    assert "pays-at-checkout" not in moments
    assert LATE in moments


def test_the_budget_is_what_the_objective_leaves(read: Samples, market: World) -> None:
    week = market.store.totals(LATE, NOW + 1 - 7 * 24 * HOUR, NOW + 1, 7 * 24 * HOUR)[0][1]
    left = 1 - week.broken / (week.attempts * 0.1)
    assert one(read, catalogue.BUDGET_LEFT, moment=LATE, window="1w") == pytest.approx(left)
    assert one(read, catalogue.OBJECTIVE, moment=LATE, window="4w") == 0.95
    assert one(read, catalogue.WEEK_ATTEMPTS, moment=LATE) == week.attempts


def test_promises_are_open_overdue_or_due_soon(read: Samples, market: World) -> None:
    assert one(read, catalogue.PROMISES_DUE_SOON, moment=LATE) == market.store.due(LATE, NOW, NOW + 24 * HOUR)[0]
    coming = will_miss(market.store, LATE, NOW)
    assert coming is not None
    bounds = [one(read, catalogue.PROMISES_WILL_MISS, moment=LATE, bound=b) for b in ("low", "middle", "high")]
    assert bounds == [coming.low, coming.middle, coming.high]
    overdue = one(read, catalogue.PROMISES_OVERDUE, moment=LATE)
    assert 0 < overdue < one(read, catalogue.PROMISES_OPEN, moment=LATE)


def test_who_knew_first_is_counted_and_the_lead_shown(read: Samples) -> None:
    assert one(read, catalogue.KNOWN_FIRST, by="us") == 1
    assert one(read, catalogue.KNOWN_FIRST, by="customer") == 0
    assert one(read, catalogue.LEAD, moment=LATE) > 0


def test_the_books_balance(read: Samples) -> None:
    assert one(read, catalogue.RECONCILE) == 0
    assert one(read, catalogue.DEAD_LETTERS) == 3
    assert one(read, catalogue.NOTICES_WAITING) == 0
    assert one(read, catalogue.STORE_UP) == 1


def test_scrapes_that_come_together_share_one_reading(market: World) -> None:
    asked: list[int] = []

    def catalog() -> Catalog:
        asked.append(1)
        return market.catalog

    collector = StoreCollector(market.store, catalog, lambda: NOW, keep=60)
    registry = CollectorRegistry()
    registry.register(collector)
    assert asked == [], "to register is not to read"
    generate_latest(registry)
    generate_latest(registry)
    assert asked == [1]
