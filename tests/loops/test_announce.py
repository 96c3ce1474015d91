"""The facts of a change, and who is told of it."""

from collections.abc import Iterable

import msgspec
import pytest

from service.core.catalog import Catalog, Moment, Owner, Rule, Target
from service.core.event import DAY, HOUR, MINUTE, Annotation, Complaint, Event, Micros, instant
from service.core.interruption import Change, ChangeWord, Interruption, Segment
from service.core.reporting.due_soon import will_miss, will_miss_where
from service.core.standing import Judgement
from service.core.telling.desk import News
from service.core.telling.message import Count, Facts, NextDue
from service.core.weekly.falling import expected
from service.loops.announce import LATE, Announcer, Money, facts_of
from tests.adapters.web.world import World, interruption
from tests.core.making import at, outcome, promise

MOMENT = Moment("arrives", "ops", dimensions=("region", "carrier"), promise="On time.")
CATALOG = Catalog(
    owners={"ops": Owner("ops", targets=("desk", "phone"))},
    targets={"desk": Target("desk"), "phone": Target("phone")},
    moments={"arrives": MOMENT},
)
ONSET, NOW = at(0), at(60)
NORTH: Segment = (("region", ("north",)),)
MONEY = Money("EUR", 2)


def broke(minute: float, customer: str, region: str = "north", carrier: str = "a", value: float | None = None) -> Event:
    given = {"region": region, "carrier": carrier}
    return outcome(minute, "broken", key=None, customer=customer, dimensions=given, value=value)


def kept(minute: float, region: str = "north", carrier: str = "a") -> Event:
    return outcome(minute, "kept", key=None, dimensions={"region": region, "carrier": carrier})


def complaint(minute: float, customer: str) -> Complaint:
    return Complaint(f"x{minute}", instant(at(minute)), customer=customer, moment="arrives")


def row(segment: Segment = (), **more: object) -> Interruption:
    return interruption("arrives", segment, ONSET, at(15), **({"expected": 0.1, "level": "high"} | more))


def store(events: Iterable[Event], *rows: Interruption) -> World:
    world = World(CATALOG)
    world.take(list(events))
    changes = tuple(Change("opened", each.detected_at, each) for each in rows)
    world.judge("arrives", Judgement(NOW, changes))
    return world


def facts(*events: Event, of: Interruption | None = None, now: Micros = NOW) -> Facts:
    return facts_of(store(events).store, MOMENT, of or row(), now, MONEY)


# --- facts ---


def test_harm_is_counted_from_onset_to_now() -> None:
    found = facts(broke(-1, "c0"), broke(1, "c1"), broke(2, "c1"), broke(3, "c2"), kept(4), kept(5), broke(60, "c9"))
    assert (found.impact.broken, found.impact.customers) == (3, 2)
    assert found.inside == Count(3, 5, 0.5)
    assert (found.currency, found.minor_digits) == ("EUR", 2)


def test_a_segment_is_set_beside_the_rest() -> None:
    events: list[Event] = [
        broke(1, "c1"),
        kept(2),
        broke(3, "c2", region="south"),
        kept(4, region="south"),
        kept(5, region="south"),
    ]
    found = facts(*events, of=row(NORTH))
    assert found.inside == Count(1, 2, 0.2)
    assert found.elsewhere == Count(1, 3)
    assert found.worst == ()
    assert found.next_due is None


def test_of_everything_the_worst_values_are_named() -> None:
    events = [broke(n, f"c{n}", carrier="a") for n in range(8)]
    events += [kept(n, region="south", carrier="b") for n in range(8)]
    found = facts(*events)
    assert {count.name for count in found.worst} == {"region north", "carrier a"}
    # What is usual everywhere, for want of a past of their own.
    assert found.worst[0] == Count(8, 8, 0.8, found.worst[0].name)


def test_a_single_break_makes_no_value_the_worst() -> None:
    assert facts(broke(1, "c1"), kept(2, region="south", carrier="b")).worst == ()


def test_customers_count_on_the_day_that_first_hit_them() -> None:
    day = DAY // MINUTE
    events = [broke(1, "c1"), broke(2, "c2"), broke(day + 1, "c1"), broke(day + 2, "c3")]
    found = facts(*events, now=at(2 * day + 60))
    assert ([hit for _, hit in found.newly_hit], found.step) == ([2, 1, 0], DAY)
    later = facts(*events, now=at(9 * day + 60))
    assert [hit for _, hit in later.newly_hit] == [0]
    hours = facts(broke(1, "c1"), broke(70, "c2"), broke(71, "c3"), now=at(130))
    assert ([hit for _, hit in hours.newly_hit], hours.step) == ([1, 2, 0], HOUR)
    assert facts(broke(1, "c1"), now=at(15)).step == 10 * MINUTE


def test_what_has_just_begun_has_no_course_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = store([broke(1, "c1"), broke(2, "c2")])
    monkeypatch.setattr(world.store, "totals", None)
    found = facts_of(world.store, MOMENT, row(), at(5), MONEY)
    assert [hit for _, hit in found.newly_hit] == [2]


def test_where_it_was_worst_is_told_of_its_own_time_and_not_of_what_came_after() -> None:
    week, places = 7 * DAY // MINUTE, [(n, name) for n in range(1, 60) for name in ("north", "south")]
    past = [kept(n - back * week, name, f"k{n}") for back in range(1, 5) for n, name in places]
    mine = [
        broke(n, f"c{n}", carrier=f"k{n}") if name == "north" else kept(n, name, f"k{n}")
        for n, name in places
        if n < 30
    ]
    after = [broke(n, f"d{n}", "south", f"k{n}") for n in range(31, 60)]
    over = row(state="resolved", resolved_at=at(30))
    assert facts(*past, *mine, *after, of=over).most == NORTH


def test_days_on_which_nothing_fell_due_are_none_of_the_course() -> None:
    day = DAY // MINUTE
    events = [broke(1, "c1"), broke(2, "c2"), kept(day + 1), broke(3 * day + 2, "c3"), kept(4 * day)]
    found = facts(*events, now=at(6 * day + 60))
    first = ONSET - ONSET % DAY
    assert [((when - first) // DAY, hit) for when, hit in found.newly_hit] == [(0, 2), (1, 0), (3, 1), (4, 0), (6, 0)]


def test_the_usual_is_that_of_the_same_hours_of_the_weeks_before() -> None:
    week = 7 * DAY // MINUTE
    past: list[Event] = []
    for back in (1, 2, 3, 4):
        past += [broke(n - back * week, f"p{n}", carrier="b") for n in range(10)]
        past += [kept(n + 10 - back * week, carrier="a") for n in range(30)]
        # At other hours nothing ever breaks.
        past += [kept(n + 200 - back * week) for n in range(40)]
    now = [broke(n, f"c{n}", carrier="a") for n in range(20)] + [kept(n, carrier="b") for n in range(20)]
    found = facts(*past, *now)
    assert found.inside == Count(20, 40, 10.0)
    assert [(each.name, each.usual) for each in found.worst] == [("carrier a", 0.0)]
    assert facts(*past, *now, of=row(NORTH)).inside == Count(20, 40, 10.0)


def test_what_we_did_shortly_before_stands_beside_it() -> None:
    def note(minute: float, title: str, moment: str | None) -> Annotation:
        return Annotation(f"n{minute}", instant(at(minute)), title=title, moment=moment)

    found = facts(broke(1, "c"), note(-9, "deployed", None), note(-8, "of another", "other"), note(5, "later", None))
    assert [title for _, title in found.beside] == ["deployed"]


def test_promises_due_within_a_day_are_told() -> None:
    open_ones = [promise(1, 60 + 30 * n, key=f"k{n}") for n in range(3)]
    settled: list[Event] = [promise(1, 100, key="done"), outcome(20, "kept", key="done")]
    assert facts(*open_ones, *settled).next_due == NextDue(3, NOW + DAY)
    assert facts(kept(1)).next_due is None


def test_how_many_will_miss_is_told_from_those_that_fell_due() -> None:
    now = at(200 * 60)
    # One an hour for a week: every fourth was never kept, the others an hour before their due.
    past = [promise(m * 60, (m + 48) * 60, key=f"p{m}") for m in range(120)]
    done = [outcome((m + 47) * 60, "kept", key=f"p{m}") for m in range(120) if m % 4]
    coming = [promise(150 * 60 + i, 205 * 60, key=f"n{i}") for i in range(40)]
    world = store([*past, *coming, *done])
    world.close("arrives", now)
    found = facts_of(world.store, MOMENT, row(), now, MONEY).next_due
    assert found is not None
    assert (found.promises, found.by) == (40, now + DAY)
    assert found.will_miss is not None
    low, middle, high = found.will_miss
    assert 0 < low < middle == 10 < high < 25
    assert facts_of(world.store, MOMENT, row(NORTH), now, MONEY).next_due is None
    # Less than an hour before their due, in which hardly anything was ever kept, nearly all that are open miss.
    soon = will_miss(world.store, "arrives", at(204 * 60 + 15))
    assert soon is not None
    assert soon.middle > 30


def test_what_fell_due_and_is_not_closed_yet_has_missed_nothing() -> None:
    past = [promise(m * 60, (m + 48) * 60, key=f"p{m}") for m in range(120)]
    done = [outcome((m + 47) * 60, "kept", key=f"p{m}") for m in range(100)]
    coming = [promise(150 * 60 + i, 205 * 60, key=f"n{i}") for i in range(40)]
    world = store([*past, *coming, *done])
    world.close("arrives", at(147 * 60 + 30))
    found = will_miss(world.store, "arrives", at(200 * 60))
    assert found is not None
    assert found.middle == 0


def test_it_is_known_where_most_will_miss() -> None:
    now = at(200 * 60)
    where = [{"region": "north"}, {"region": "south"}]
    # In the south every second one is never kept, in the north every tenth.
    past = [promise(m * 60 + n, (m + 48) * 60, key=f"{n}{m}", dimensions=where[n]) for m in range(120) for n in (0, 1)]
    done = [outcome((m + 47) * 60, "kept", key=f"{n}{m}") for m in range(120) for n in (0, 1) if m % (2 if n else 10)]
    coming = [promise(150 * 60, 205 * 60, key=f"{n}-{i}", dimensions=where[n]) for i in range(40) for n in (0, 1)]
    world = store([*past, *coming, *done])
    world.close("arrives", now)
    whole, places = will_miss_where(world.store, "arrives", now, DAY, ("region",))
    assert whole is not None
    assert (whole.open, whole.middle) == (80, 24)
    [south] = places
    assert (south.dimension, south.value, south.forecast.open) == ("region", "south", 40)
    assert south.forecast.low < 19 <= south.forecast.middle <= 21 < south.forecast.high
    north = will_miss(world.store, "arrives", now, DAY, NORTH)
    assert north is not None
    assert (north.open, 3 <= north.middle <= 6) == (40, True)
    # The week's page says the same of the week that has begun, and nothing of others.
    misses, worst = expected(world.store, MOMENT, now, (now - DAY, now + DAY))
    assert misses == (whole.low, whole.middle, whole.high)
    assert worst == ("region", "south", south.forecast.middle, 40)
    for other in ((now + 1, now + DAY), (now - DAY, now)):
        assert expected(world.store, MOMENT, now, other) == (None, None)


def test_in_a_segment_its_own_promises_are_told_of() -> None:
    north, south = {"region": "north"}, {"region": "south"}
    made = [promise(1, 60 + n, key=f"n{n}", dimensions=north) for n in range(3)]
    made += [promise(1, 60 + n, key=f"s{n}", dimensions=south) for n in range(5)]
    done: list[Event] = [outcome(20, "kept", key="n0")]
    assert facts(*made, *done, of=row(NORTH)).next_due == NextDue(2, NOW + DAY)
    assert facts(*made, *done).next_due == NextDue(7, NOW + DAY)


def test_complaints_of_those_affected_after_their_own_break_are_counted() -> None:
    found = facts(broke(5, "c1"), broke(5, "c2"), complaint(9, "c1"), complaint(3, "c2"), complaint(9, "c3"))
    assert found.complained == 1


def test_where_nobody_ever_complains_nothing_is_said_of_complaints() -> None:
    assert facts(broke(5, "c1")).complained is None
    assert facts(broke(5, "c1"), complaint(-9, "c7")).complained == 0


# --- news ---


def announcer(world: World, now: Micros | None = None, learned_at: Micros | None = None) -> Announcer:
    return Announcer(world.store, CATALOG, None if now is None else lambda: now, learned_at)


EVENTS = [broke(n, f"c{n}") for n in range(10)]


def change(what: ChangeWord, of: Interruption, when: Micros = NOW) -> Change:
    return Change(what, when, of)


def said(news: News | None) -> str | None:
    return None if news is None else news.what


@pytest.mark.parametrize(
    ("what", "news"),
    [
        ("opened", "opened"),
        ("level", "level_changed"),
        ("resolved", "resolved"),
        ("evidence", None),
        ("stale", "stale"),
        ("returned", None),
        ("withdrawn", "withdrawn"),
    ],
)
def test_some_changes_are_news(what: ChangeWord, news: str | None) -> None:
    assert said(announcer(store(EVENTS))(change(what, row()))) == news


def test_what_is_history_is_not_told_when_it_opens() -> None:
    world = store(EVENTS)
    assert said(announcer(world, NOW + LATE)(change("opened", row()))) == "opened"
    assert announcer(world, NOW + LATE + 1)(change("opened", row())) is None
    assert announcer(world, NOW + LATE + 1)(change("level", row())) is None


def test_what_ended_in_history_is_told_quietly() -> None:
    over = row(state="resolved", resolved_at=NOW)
    assert said(announcer(store(EVENTS), NOW + HOUR)(change("resolved", over))) == "was_open_while_away"


def test_what_ended_before_the_first_start_is_told_to_nobody() -> None:
    over = row(state="resolved", resolved_at=NOW)
    assert announcer(store(EVENTS), NOW + HOUR, learned_at=NOW)(change("resolved", over)) is None
    assert announcer(store(EVENTS), NOW + HOUR, learned_at=NOW - 1)(change("resolved", over)) is not None


def test_where_time_is_the_events_own_nothing_is_history() -> None:
    assert announcer(store(EVENTS))(change("opened", row(), when=0)) is not None


def test_what_is_open_when_a_catch_up_ends_is_told_once_as_found_late() -> None:
    it = row()
    trial = row((("carrier", ("a",)),), rule="tried", notifies=False)
    over = row(NORTH, state="resolved", resolved_at=NOW)
    world = store(EVENTS, it, trial, over)
    [found] = announcer(world, NOW).caught_up(["arrives"], NOW)
    opening = announcer(world)(change("opened", it))
    assert opening is not None
    assert (found.interruption.id, found.what) == (it.id, "found_late")
    # With the key of its opening, so that it is not told twice.
    assert found.key == opening.key
    assert announcer(world, NOW).caught_up(["leaves"], NOW) == []


def test_a_moment_that_is_not_declared_has_nobody_to_tell() -> None:
    stranger = msgspec.structs.replace(row(), moment="leaves")
    assert announcer(store(EVENTS))(change("opened", stranger)) is None


def test_an_experimental_rule_tells_nobody() -> None:
    assert Rule("r", (), ()).status == "stable"
    assert announcer(store(EVENTS))(change("opened", row(rule="r", notifies=False))) is None
