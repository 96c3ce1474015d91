"""What comes out of good files: the core's objects, and warnings."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from service.adapters.catalog import FalseAlarms, false_alarms, load
from service.core.catalog import (
    Asked,
    BurnRate,
    BurnWindow,
    Catalog,
    Deadline,
    Journey,
    Moment,
    Objective,
    Owner,
    Rule,
    Source,
    Stage,
    Target,
    Threshold,
    WorkingCalendar,
)
from service.core.event import DAY, HOUR, MINUTE, SECOND
from tests.adapters.catalog.helpers import CHAT, OPS, document, lines, loaded

SMALLEST = """\
apiVersion: momentwatch/v1
kind: Owner
metadata: {name: ops}
spec: {}
---
apiVersion: momentwatch/v1
kind: Moment
metadata: {name: departs-on-time}
spec: {owner: ops, dimensions: [origin, carrier, dest]}
"""


def test_the_smallest_catalogue_is_an_owner_and_a_moment(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, SMALLEST).catalog
    moment = Moment(name="departs-on-time", owner="ops", dimensions=("origin", "carrier", "dest"))
    assert catalog == Catalog(owners={"ops": Owner("ops")}, moments={"departs-on-time": moment})


def test_every_word_of_a_moment_arrives(tmp_path: Path) -> None:
    text = """\
apiVersion: momentwatch/v1
kind: Moment
metadata:
  name: delivered-by-promise
  title: Delivered by the promised day
  labels: {tier: "1"}
  annotations: {note: counted in plain days}
spec:
  owner: ops
  owner_by: {region: {RJ: ops, NO: ops}}
  promise: "Your parcel is with you by the day we told you."
  unit: parcels
  objectives: [{target: 0.95, window: 4w}]
  deadline: {after: 5d}
  give_up_after: 30d
  dimensions: [region, carrier]
  value: {loss_probability: 0.08}
  false_alarm_interval: 180d
  completeness_delay: 2m
  window: 5m
  runbook_url: https://example.com/runbook
  cold_start: 7d
  sources: [parcels]
"""
    source = document("Source", "topic: parcels", name="parcels")
    catalog = loaded(tmp_path, text, OPS, CHAT, source).catalog
    assert catalog.moments["delivered-by-promise"] == Moment(
        name="delivered-by-promise",
        owner="ops",
        title="Delivered by the promised day",
        promise="Your parcel is with you by the day we told you.",
        unit="parcels",
        owner_by={"region": {"RJ": "ops", "NO": "ops"}},
        objectives=(Objective(0.95, 28 * DAY),),
        deadline=Deadline(5 * DAY),
        give_up_after=30 * DAY,
        dimensions=("region", "carrier"),
        loss_probability=0.08,
        false_alarm_interval=180 * DAY,
        completeness_delay=2 * MINUTE,
        window=5 * MINUTE,
        runbook_url="https://example.com/runbook",
        cold_start=7 * DAY,
        sources=("parcels",),
        labels={"tier": "1"},
        annotations={"note": "counted in plain days"},
    )


def test_a_deadline_of_the_event_is_the_default(tmp_path: Path) -> None:
    moments = [
        document("Moment", "owner: ops", name="a"),
        document("Moment", "owner: ops\ndeadline: event", name="b"),
    ]
    catalog = loaded(tmp_path, OPS, CHAT, *moments).catalog
    assert [moment.deadline for moment in catalog.moments.values()] == [None, None]


def test_owners_targets_journeys_and_sources_arrive(tmp_path: Path) -> None:
    owner = """\
apiVersion: momentwatch/v1
kind: Owner
metadata: {name: depot, title: The depot}
spec: {team: Delivery, manager: ops, targets: [chat, mail], page_budget: 0.5}
"""
    mail = document("Target", "url: {file: secrets/mail}", name="mail")
    journey = """\
apiVersion: momentwatch/v1
kind: Journey
metadata: {name: order, title: An order}
spec:
  goal: I have what I ordered.
  stages:
    - {name: buy, title: Buying, executive: CCO, moments: []}
    - {name: get, moments: [delivered]}
"""
    source = """\
apiVersion: momentwatch/v1
kind: Source
metadata: {name: orders}
spec:
  topic: shop.orders
  clock: event
  lateness: 1m
  allowed_skew: 10m
  mapping: {customer: buyer.id, dimensions.region: address.state}
  constants: {moment: delivered}
  blind_above: 0.5
"""
    moment = document("Moment", "owner: ops", name="delivered")
    catalog = loaded(tmp_path, OPS, CHAT, owner, mail, journey, source, moment).catalog
    assert catalog.owners["depot"] == Owner("depot", "The depot", "Delivery", "ops", ("chat", "mail"), 0.5)
    assert catalog.targets["chat"] == Target("chat", url_env="CHAT_URL")
    assert catalog.targets["mail"] == Target("mail", url_file=f"{tmp_path}/secrets/mail")
    stages = (Stage("buy", "Buying", "CCO", ()), Stage("get", "", "", ("delivered",)))
    assert catalog.journeys["order"] == Journey("order", "An order", "I have what I ordered.", stages)
    assert catalog.sources["orders"] == Source(
        name="orders",
        topic="shop.orders",
        clock="event",
        lateness=MINUTE,
        allowed_skew=10 * MINUTE,
        mapping={"customer": "buyer.id", "dimensions.region": "address.state"},
        constants={"moment": "delivered"},
        blind_above=0.5,
    )


def test_every_word_of_a_rule_arrives(tmp_path: Path) -> None:
    text = """\
apiVersion: momentwatch/v1
kind: Rule
metadata: {name: late, title: Too many are late, labels: {page: "yes"}, annotations: {why: agreed}}
spec:
  moments: [a, b]
  detect:
    any:
      - burn_rate: {objective: 0.95, page: [{long: 1h, short: 5m, factor: 14.4}]}
      - threshold: {signal: broken, op: ">=", value: 20, window: 30m, min_count: 5}
      - volume: {detector: half_space_trees, parameters: {n_trees: 10}, direction: down}
      - value: {cold_start: 5d}
  for: 5m
  keep_firing_for: 1h
  group_by: [region]
  level: high
  status: deprecated
"""
    moments = [document("Moment", "owner: ops\ndimensions: [region]", name=name) for name in ("a", "b")]
    catalog = loaded(tmp_path, OPS, CHAT, text, *moments).catalog
    assert catalog.rules["late"] == Rule(
        name="late",
        moments=("a", "b"),
        detect=(
            BurnRate(0.95, (BurnWindow(HOUR, 5 * MINUTE, 14.4),)),
            Threshold("broken", ">=", 20, 30 * MINUTE, 5),
            Asked("volume", "half_space_trees", {"n_trees": 10}, "down"),
            Asked("value", cold_start=5 * DAY),
        ),
        hold=5 * MINUTE,
        keep_firing=HOUR,
        group_by=("region",),
        level="high",
        status="deprecated",
        title="Too many are late",
        labels={"page": "yes"},
        annotations={"why": "agreed"},
    )


def test_a_rule_may_say_as_little_as_possible(tmp_path: Path) -> None:
    text = document("Rule", 'moment: a\ndetect: {any: [threshold: {signal: broken, op: ">", value: 3}]}')
    catalog = loaded(tmp_path, OPS, CHAT, text, document("Moment", "owner: ops", name="a")).catalog
    assert catalog.rules["it"] == Rule("it", ("a",), (Threshold("broken", ">", 3, HOUR),))


def test_a_source_has_the_defaults_of_the_core(tmp_path: Path) -> None:
    source = loaded(tmp_path, document("Source", "topic: t", name="s")).catalog.sources["s"]
    assert source == Source("s", "t", "live", 30 * SECOND, 5 * MINUTE)


def test_what_is_probably_not_meant_is_warned_of(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "warned.yaml"
    shutil.copy(golden, tmp_path)
    expected = golden.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines(tmp_path, load(tmp_path).warnings) == expected


@pytest.mark.parametrize(
    ("budget", "warned"),
    [
        ("1", None),
        ("0.66666667", None),
        ("0.5", "raise the budget, or false_alarm_interval to 17w1d"),
        ("0", "no interval brings that to 0: raise the budget"),
    ],
)
def test_an_owners_budget_is_held_against_what_is_expected(budget: str, warned: str | None, tmp_path: Path) -> None:
    owner = document("Owner", f"targets: [chat]\npage_budget: {budget}", name="a")
    spec = "owner: a\npromise: p\nrunbook_url: https://example.com"
    moments = [document("Moment", spec, name=name) for name in ("m", "n")]
    found = loaded(tmp_path, owner, CHAT, *moments)
    said = f"{budget} in 30 days, but 2 moments of a expect 0.67 false pages; {warned}"
    assert [warning.message for warning in found.warnings] == ([said] if warned else [])
    (row,) = false_alarms(found.catalog)
    assert row == FalseAlarms("a", 2, row.expected, float(budget))
    assert row.expected == pytest.approx(2 / 3)


def test_raising_the_interval_as_the_warning_says_keeps_the_budget(tmp_path: Path) -> None:
    owner = document("Owner", "targets: [chat]\npage_budget: 0.5", name="a")
    spec = "owner: a\npromise: p\nrunbook_url: https://example.com\nfalse_alarm_interval: 17w1d"
    moments = [document("Moment", spec, name=name) for name in ("m", "n")]
    assert loaded(tmp_path, owner, CHAT, *moments).warnings == []


def test_the_demos_catalogue_loads() -> None:
    catalog = load(Path(__file__).parents[3] / "rules").catalog
    moment = catalog.moments["departs-on-time"]
    assert (moment.unit, moment.dimensions) == ("flights", ("origin", "carrier", "dest"))
    assert {rule.status for rule in catalog.rules.values()} == {"experimental"}


def test_a_calendar_concerns_the_moments_it_names_or_all(tmp_path: Path) -> None:
    events = '[{title: Sale, from: "2026-11-27T00:00:00+01:00", until: "2026-11-30T00:00:00Z", factor: 3}]'
    moments = "\n---\n".join(document("Moment", "owner: ops", name=name) for name in ("a", "b"))
    calendars = [
        document("Calendar", f"events: {events}", name="sales"),
        document("Calendar", f"moments: [b]\nevents: {events.replace('Sale', 'Holiday')}", name="holidays"),
    ]
    found = loaded(tmp_path, OPS, CHAT, moments, *calendars).catalog.moments
    assert [(event.title, event.factor) for event in found["a"].known_events] == [("Sale", 3.0)]
    assert [event.title for event in found["b"].known_events] == ["Holiday", "Sale"]
    assert found["a"].known_events[0].end - found["a"].known_events[0].start == 73 * HOUR


def test_a_deadline_counts_by_the_calendar_that_it_names(tmp_path: Path) -> None:
    calendar = """\
working_days: [saturday, monday:wednesday, tuesday:thursday]
holidays: [2026-12-28:2027-01-01, 2026-12-25, 2027-01-02, 2026-12-29]
service_hours:
  - {start_time: "13:00", end_time: "17:00"}
  - {start_time: "09:00", end_time: "12:00"}
  - {start_time: "11:00", end_time: "12:30"}
"""
    moments = [
        document("Moment", "owner: ops\ndeadline: {after: 5d, calendar: days, timeZone: Europe/London}", name="a"),
        document("Moment", "owner: ops\ndeadline: {after: 4h, calendar: plain}", name="b"),
    ]
    declared = [document("Calendar", calendar, name="days"), document("Calendar", "holidays: []", name="plain")]
    found = loaded(tmp_path, OPS, CHAT, *moments, *declared).catalog.moments
    off = ((date(2026, 12, 25), date(2026, 12, 25)), (date(2026, 12, 28), date(2027, 1, 2)))
    days = WorkingCalendar((0, 1, 2, 3, 5), off, ((9 * 60, 12 * 60 + 30), (13 * 60, 17 * 60)))
    assert found["a"].deadline == Deadline(5 * DAY, days, "Europe/London")
    assert found["b"].deadline == Deadline(4 * HOUR, WorkingCalendar(), "UTC")
    assert found["a"].known_events == ()
