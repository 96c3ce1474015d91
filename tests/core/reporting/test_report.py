"""An interruption as backtest prints it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from service.core.catalog import Catalog, Moment, Owner
from service.core.event import DAY, HOUR, MINUTE, Complaint, Event, Micros, Outcome, OutcomeWord, instant
from service.core.interruption import Change, Interruption, Segment
from service.core.reporting.report import Line, Span, lines
from service.core.standing import Judgement
from tests.adapters.web.world import World, interruption
from tests.core.making import at

ARRIVES = Moment("arrives", "ops", dimensions=("region",), loss_probability=0.08)
ONSET, DETECTED, RESOLVED = at(0), at(30), at(300)
SPAN = Span(at(0) - 30 * DAY, at(0) + 30 * DAY)

KEYS = [
    *("id", "moment", "kind", "kinds", "rule", "level", "dimensions", "onset_at", "detected_at", "resolved_at"),
    *("broken", "customers_affected", "value_at_risk", "first_complaint_at", "complaints_clear_at"),
    *("lead_s", "lead_clear_s"),
]


def broke(minute: float, customer: str, value: float | None = None, region: str = "north") -> Outcome:
    return one(minute, customer, "broken", value, region)


def one(minute: float, customer: str, word: OutcomeWord, value: float | None = None, region: str = "north") -> Outcome:
    when = instant(at(minute))
    return Outcome(f"{minute}{customer}", when, "arrives", customer, word, value=value, dimensions={"region": region})


def complaint(minute: float, customer: str | None = "c1", moment: str | None = "arrives") -> Complaint:
    return Complaint(f"x{minute}{customer}", instant(at(minute)), customer=customer, moment=moment)


def row(segment: Segment = (), **more: Any) -> Interruption:
    return interruption("arrives", segment, ONSET, DETECTED, **{"resolved_at": RESOLVED, "state": "resolved"} | more)


def reported(*events: Event, rows: list[Interruption] | None = None, moment: Moment = ARRIVES) -> list[Line]:
    world = World(Catalog({"ops": Owner("ops")}, moments={"arrives": moment}))
    world.take(events)
    found = [row()] if rows is None else rows
    changes = tuple(Change("opened", each.detected_at, each) for each in found)
    world.judge("arrives", Judgement(at(400), changes))
    return lines(world.store, {"arrives": moment}, SPAN)


def line(*events: Event, found: Interruption | None = None, moment: Moment = ARRIVES) -> Line:
    [made] = reported(*events, rows=[found or row()], moment=moment)
    return made


def test_a_line_has_the_keys_of_the_contract_in_its_order() -> None:
    made = msgspec.to_builtins(line())
    assert list(made) == KEYS
    assert [type(made[key]) for key in ("broken", "customers_affected", "value_at_risk")] == [int, int, float]


def test_times_are_utc_with_z() -> None:
    made = line()
    assert (made.onset_at, made.detected_at, made.resolved_at) == (
        "2013-04-03T14:00:00Z",
        "2013-04-03T14:30:00Z",
        "2013-04-03T19:00:00Z",
    )


def test_what_is_open_has_no_end_and_counts_to_the_end_of_the_data() -> None:
    open_one = row(resolved_at=None, state="open")
    made = line(broke(10, "c1"), broke(5000, "c2"), found=open_one)
    assert (made.resolved_at, made.broken) == (None, 2)


def test_customers_are_counted_once_and_breaks_each_from_onset_to_resolution() -> None:
    made = line(broke(-1, "c9"), broke(0, "c1"), broke(5, "c1"), broke(7, "c2"), one(8, "c3", "kept"), broke(300, "c8"))
    assert (made.broken, made.customers_affected) == (3, 2)


def test_a_segment_counts_its_own() -> None:
    made = line(broke(1, "c1"), broke(2, "c2", region="south"), found=row((("region", ("south",)),)))
    assert (made.broken, made.dimensions) == (1, {"region": ["south"]})


@pytest.mark.parametrize("kind", ["silence", "volume"])
def test_silence_and_volume_count_nobody(kind: str) -> None:
    made = line(broke(1, "c1", 10.0), complaint(9), found=row(kind=kind))
    assert (made.broken, made.customers_affected, made.value_at_risk) == (0, 0, 0.0)
    assert (made.first_complaint_at, made.lead_s) == (None, None)


def test_value_at_risk_is_what_broke_times_the_probability_of_loss() -> None:
    assert line(broke(1, "c1", 100.0), broke(2, "c2", 50.5)).value_at_risk == 12.04


def test_where_no_probability_is_named_it_is_one() -> None:
    moment = replace(ARRIVES, loss_probability=None)
    assert line(broke(1, "c1", 100.0), broke(2, "c2", 50.5), moment=moment).value_at_risk == 150.5


def test_without_values_nothing_is_at_risk() -> None:
    assert line(broke(1, "c1")).value_at_risk == 0.0


def test_the_lead_is_the_first_complaint_minus_the_detection() -> None:
    made = line(broke(5, "c1"), complaint(90))
    assert (made.first_complaint_at, made.lead_s) == ("2013-04-03T15:30:00Z", 3600.0)


def test_a_customer_who_knew_first_gives_a_negative_lead() -> None:
    assert line(broke(5, "c1"), complaint(20)).lead_s == -600.0


def test_a_complaint_that_names_no_moment_counts_if_its_customer_was_hit() -> None:
    assert line(broke(5, "c1"), complaint(90, moment=None)).lead_s == 3600.0
    assert line(broke(5, "c1"), complaint(90, moment="leaves")).lead_s is None
    assert line(broke(5, "c1"), complaint(90, customer="c2")).lead_s is None


def daily_complaints(until: Micros) -> Iterator[Complaint]:
    when, number = at(0) - 30 * DAY, 0
    while when < until:
        yield Complaint(f"d{number}", instant(when), customer="other", moment="arrives")
        when, number = when + DAY, number + 1


def test_when_complaints_rise_clearly_the_second_lead_says_so() -> None:
    rise = [complaint(60 + 10 * n, customer=f"n{n}") for n in range(12)]
    made = line(broke(5, "c1"), *daily_complaints(ONSET), *rise)
    assert made.first_complaint_at is None
    assert made.complaints_clear_at is not None
    assert made.lead_clear_s is not None
    assert 30 * 60 <= made.lead_clear_s <= 150 * 60


def test_complaints_long_after_the_end_are_of_something_else() -> None:
    over = row(resolved_at=at(60))
    late = [complaint((29 * DAY + n * HOUR) / MINUTE, customer=f"n{n}") for n in range(20)]
    assert line(*daily_complaints(ONSET), *late, found=over).complaints_clear_at is None


def test_interruptions_come_in_order_of_detection_and_only_of_what_is_declared() -> None:
    later = interruption("arrives", (), at(300), at(390))
    sooner = interruption("arrives", (("region", ("south",)),), at(1), at(2))
    stranger = interruption("leaves", (), at(1), at(2))
    found = reported(rows=[later, sooner, stranger])
    assert [made.detected_at for made in found] == ["2013-04-03T14:02:00Z", "2013-04-03T20:30:00Z"]


def test_what_opened_it_and_all_evidence_are_named() -> None:
    made = line(found=row(kind="rule", kinds=("rule", "failure_rate"), rule="late-parcels"))
    assert (made.kind, made.kinds, made.rule) == ("rule", ["rule", "failure_rate"], "late-parcels")
