"""The page's figures, from a made-up marketplace whose clock stands in the week after."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from service.adapters.digest import as_text
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, HOUR, Complaint, CustomerChange, Micros, Outcome, Promise
from service.core.interruption import Change
from service.core.people import Contact
from service.core.standing import Judgement
from service.core.weekly.digest import Asked, digest
from service.core.weekly.page import Page
from service.core.weekly.stories import pseudonym
from service.core.weekly.week import Week
from tests.adapters.web.world import CATALOG, LATE, World, interruption, marketplace, stamp

ZONE = ZoneInfo("America/Sao_Paulo")
WEEK = Week(2017, 50)
START, END = WEEK.start(ZONE), WEEK.end(ZONE)


@pytest.fixture(scope="module")
def world() -> World:
    return marketplace()


@pytest.fixture(scope="module")
def page(world: World) -> Page:
    return digest(world.store, CATALOG, Asked(WEEK, ZONE, "Every promise kept.", "BRL"), END + 7 * HOUR)


def small(*moments: Moment) -> World:
    return World(Catalog(owners={"ops": Owner("ops")}, moments={moment.name: moment for moment in moments}))


def of(world: World, week: Week = WEEK, now: Micros = END) -> Page:
    return digest(world.store, world.catalog, Asked(week, ZONE), now)


def outcome(at: Micros, customer: str, word: str = "broken", moment: str = "m", **more: object) -> Outcome:
    fields: dict[str, object] = {"id": f"{moment}-{customer}-{at}", "time": stamp(at), "moment": moment}
    return Outcome(**fields, customer=customer, outcome=word, **more)  # type: ignore[arg-type]  # as the event has them


def test_the_worst_moment_stands_first_with_its_limits_and_is_the_one_charted(page: Page) -> None:
    first = page.moments[0]
    assert (first.moment, first.verdict) == (LATE, "worse")
    assert first.usual is not None
    assert first.upper is not None
    assert first.usual < first.broken
    assert first.share == first.broken / first.attempts > first.upper
    assert page.chart is not None
    assert (page.chart.moment, page.chart.weeks[-1].broken) == (LATE, first.broken)
    assert [week.week for week in page.chart.weeks][:2] == ["2017-W38", "2017-W39"]


def test_customers_are_counted_once_and_units_apart() -> None:
    world = small(Moment("m", "ops"), Moment("n", "ops"), Moment("f", "ops", unit="flights"))
    world.take(
        [
            outcome(START, "ann"),
            outcome(START + HOUR, "ann", moment="n"),
            outcome(START + HOUR, "bob", "kept"),
            outcome(START + HOUR, "AA1", moment="f"),
            outcome(END, "late"),
            outcome(START - 1_000_000, "early"),
        ]
    )
    customers, flights = of(world).met
    assert (customers.unit, customers.attempts, customers.broken, customers.let_down) == ("customers", 3, 2, 1)
    assert (flights.unit, flights.attempts, flights.broken, flights.let_down) == ("flights", 1, 1, 1)


def test_what_is_missing_is_counted_and_does_not_win(page: Page) -> None:
    vital = page.vital_few
    assert vital is not None
    assert vital.dimension == "region"
    assert "RJ" in [share.value for share in vital.few]
    assert vital.unstated > 0
    assert vital.together == vital.unstated + sum(share.broken for share in vital.few) <= vital.of


def test_we_knew_first_where_the_complaint_came_after_the_detection(page: Page) -> None:
    known = page.known_first
    assert known.heard
    [first] = [lead for lead in known.opened if lead.drew]
    assert (first.dimensions, first.ahead) == ({"region": ["RJ"]}, True)
    assert 0 < known.complained < known.let_down


def test_what_an_experiment_found_knew_nothing_first() -> None:
    world = small(Moment("m", "ops"))
    world.take([outcome(START + HOUR, "ann")])
    mine = interruption("m", (), START + HOUR, START + 2 * HOUR, notifies=False)
    world.judge("m", Judgement(END, (Change("opened", mine.detected_at, mine),)))
    page = of(world)
    assert (page.known_first.opened, page.unwell.open) == ((), ())


def test_without_any_complaint_nobody_can_say_who_knew_first() -> None:
    world = small(Moment("m", "ops"))
    world.take([outcome(START + HOUR, "ann")])
    assert not of(world).known_first.heard


def test_open_is_what_was_open_when_the_week_ended_whatever_became_of_it() -> None:
    world = small(Moment("m", "ops"))
    world.take([outcome(START + HOUR, "ann")])
    over = interruption("m", (), START, START + HOUR, state="resolved", resolved_at=END - 1)
    later = interruption("m", (), START, START + 2 * HOUR, state="resolved", resolved_at=END + DAY)
    after = interruption("m", (), END, END + HOUR)
    changes = tuple(Change("opened", one.detected_at, one) for one in (over, later, after))
    world.judge("m", Judgement(END, changes))
    page = of(world, now=END + 2 * DAY)
    assert [one.id for one in page.unwell.open] == [later.id]
    assert [one.id for one in page.owners[0].open] == [later.id]


def test_who_still_waits_is_known_only_of_promises_with_a_due_time(page: Page) -> None:
    assert page.unwell.waiting is not None
    assert 0 < page.unwell.waiting <= page.unwell.let_down
    world = small(Moment("m", "ops"))
    world.take([outcome(START + HOUR, "ann")])
    assert of(world).unwell.waiting is None
    assert of(world).due is None


def test_of_whom_we_let_down_only_customers_are_called_so_where_units_are_mixed() -> None:
    claims = Moment("f", "ops", unit="claims")
    world = small(Moment("m", "ops"), claims)
    due = stamp(START + HOUR)
    world.take(
        [
            Promise(id=f"{moment}{who}", time=stamp(START), moment=moment, customer=who, key=who, due=due)
            for moment, people in (("m", ["ann", "bob"]), ("f", ["ann", "eve", "kim", "zoe"]))
            for who in people
        ]
        + [Outcome(id="o", time=stamp(START + DAY), moment="m", customer="bob", outcome="kept", key="bob")]
    )
    for moment in ("m", "f"):
        world.close(moment, END)
    world.store.add_contacts([Contact("i", who, "contacted", START + DAY, "kim") for who in ("ann", "eve")])
    unwell = of(world).unwell
    assert (unwell.let_down, unwell.waiting, unwell.contacted) == (2, 1, 1)
    text = as_text(of(world))
    assert "1 of the 2 customers let down by a due time still wait" in " ".join(text.split())
    alone = small(claims)
    alone.take([Promise(id="p", time=stamp(START), moment="f", customer="ann", key="ann", due=due)])
    alone.close("f", END)
    assert of(alone).unwell.waiting is None


def test_next_weeks_promises_are_those_known_so_far() -> None:
    world = small(Moment("m", "ops"))
    world.take(
        [
            Promise(id=f"p{n}", time=stamp(START), moment="m", customer=f"c{n}", key=f"k{n}", due=stamp(at))
            for n, at in enumerate((END - HOUR, END, END + 6 * DAY, END + 7 * DAY))
        ]
        + [outcome(START + HOUR, "c1", "kept", key="k1")]
    )
    due = of(world).due
    assert due is not None
    assert (due[0].promised, due[0].open) == (2, 1)


def test_customers_gained_and_lost_are_distinct_and_beside_what_they_lived_through() -> None:
    world = small(Moment("m", "ops"))
    assert of(world).customers is None

    def change(number: int, customer: str, word: str, value: float | None = None) -> CustomerChange:
        at = stamp(START + number * HOUR)
        return CustomerChange(id=f"x{number}", time=at, customer=customer, change=word, value=value)  # type: ignore[arg-type]

    world.take(
        [
            outcome(START - 30 * DAY, "ann"),
            outcome(START - 200 * DAY, "bob"),
            change(1, "ann", "left", 61.5),
            change(2, "ann", "left", 61.5),
            change(3, "bob", "left", 0.5),
            change(4, "cem", "joined"),
        ]
    )
    known = of(world).customers
    assert known is not None
    assert (known.joined, known.left, known.left_value_minor, known.left_let_down) == (1, 2, 6200, 1)


def test_stories_name_nobody_and_repeat_nothing_that_a_customer_wrote() -> None:
    world = small(Moment("m", "ops"))
    text = "I am Ann Example of 5 Example Street"
    world.take(
        [
            outcome(START + HOUR, "ann@example.com", reason="late"),
            outcome(START + 2 * HOUR, "bob@example.com"),
            outcome(START + 3 * HOUR, "cem@example.com"),
            Complaint(id="x", time=stamp(START + 2 * HOUR), customer="ann@example.com", text=text, channel="ann"),
        ]
    )
    page = of(world)
    assert page.stories[0].pseudonym == pseudonym("ann@example.com")
    assert [step.what for step in page.stories[0].steps] == ["broken", "complained"]
    assert len(page.stories) == 2
    shown = msgspec.json.encode(page).decode()
    assert "example.com" not in shown
    assert "Street" not in shown


def test_blind_hours_count_once_and_end_with_the_week(page: Page) -> None:
    [blind] = page.unseen.blind
    # Blind from Friday 07:40 in São Paulo, and still so.
    assert (blind.moment, round(blind.hours, 2), blind.of_hours) == ("refunded-in-five-days", 64.33, 168.0)


def test_time_is_blind_once_where_stretches_overlap() -> None:
    world = small(Moment("m", "ops"))
    spans = (
        (START - DAY, START + 4 * HOUR),
        (START + 2 * HOUR, START + 3 * HOUR),
        (START + 3 * HOUR, START + 5 * HOUR),
    )
    world.store.save_blind([BlindSpan("m", since, until, "away") for since, until in spans])
    assert [blind.hours for blind in of(world).unseen.blind] == [5.0]


def test_a_week_without_data_has_a_page() -> None:
    page = of(small(Moment("m", "ops", promise="We do."), Moment("n", "ops")), Week(1999, 1))
    assert [(met.attempts, met.broken) for met in page.met] == [(0, 0)]
    assert [(week.share, week.verdict) for week in page.moments] == [(None, "unknown")] * 2
    assert page.vital_few is None
    assert page.stories == ()


def test_a_catalogue_without_a_moment_has_a_page() -> None:
    page = of(World(Catalog()))
    assert (page.moments, page.chart, page.met) == ((), None, ())


def test_a_week_that_is_not_over_says_so(world: World) -> None:
    now = START + 3 * DAY
    page = digest(world.store, CATALOG, Asked(WEEK, ZONE), now)
    assert not page.over
    assert digest(world.store, CATALOG, Asked(WEEK, ZONE), END).over


def test_a_week_of_167_hours_is_counted_whole_and_no_longer() -> None:
    zone = ZoneInfo("America/New_York")
    week = Week(2013, 10)
    world = small(Moment("m", "ops"))
    start, end = week.start(zone), week.end(zone)
    world.take([outcome(at, f"c{at}") for at in (start - 1_000_000, start, end - 1_000_000, end)])
    page = digest(world.store, world.catalog, Asked(week, zone), end + DAY)
    assert page.moments[0].broken == 2
