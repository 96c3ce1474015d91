"""What is posted when a shift begins and before a silence ends: once, by the routes, and it wakes nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from service.core.catalog import Catalog, Journey, Moment, Owner, Stage, Target
from service.core.event import DAY, HOUR, MINUTE, Complaint, Event, Micros, instant, micros
from service.core.handling import Action
from service.core.interruption import Change
from service.core.meter import NoMeter
from service.core.outbox import OutboxRow
from service.core.ports import StaleClaim
from service.core.routes import Matcher, Route, TimeInterval
from service.core.standing import Judgement
from service.core.telling.desk import Decision
from service.core.telling.hours import beginnings
from service.core.telling.silence import Silence
from service.loops.posting import CATCH_UP, Posting
from tests.adapters.web.world import World, interruption
from tests.core.making import outcome

# 08:00 in London; the events are of the day before.
EIGHT: Micros = micros(datetime(2013, 4, 4, 7, tzinfo=UTC))
YESTERDAY = EIGHT - 20 * HOUR
HOURS = (TimeInterval(times=((8 * 60, 20 * 60),), weekdays=((0, 4),), zone="Europe/London"),)
MOMENT = Moment("arrives", "ops", "Arrives on time", promise="On time.", dimensions=("region",))
JOURNEY = Journey("trip", "A trip", "I am where I wanted to be.", (Stage("there", "", "COO", ("arrives",)),))
CATALOG = Catalog(
    owners={
        "ops": Owner("ops", "Operations", targets=("desk", "pager"), shifts=HOURS, zone="Europe/London"),
        "rio": Owner("rio", targets=("rio-chat",)),
    },
    targets={"desk": Target("desk"), "pager": Target("pager", page=True), "rio-chat": Target("rio-chat")},
    moments={"arrives": MOMENT},
    journeys={"trip": JOURNEY},
)


def time_of(at: Micros) -> dict[str, object]:
    return {"time": instant(at)}


class Office:
    """A store with a day of trouble, and a posting loop over it with a clock moved by hand."""

    def __init__(self, catalog: Catalog = CATALOG) -> None:
        self.world = World(catalog)
        events: list[Event] = [
            outcome(0, "broken", key=None, customer=f"c{n}", reason="no van", **time_of(YESTERDAY)) for n in range(3)
        ]
        events += [outcome(0, "kept", key=None, customer=f"k{n}", **time_of(YESTERDAY)) for n in range(5)]
        events.append(Complaint("x", instant(YESTERDAY + HOUR), customer="c1", moment="arrives"))
        self.world.take(events)
        self.it = interruption("arrives", (), YESTERDAY, YESTERDAY + MINUTE, level="high")
        self.store = self.world.store
        judgement = Judgement(YESTERDAY + HOUR, (Change("opened", YESTERDAY + MINUTE, self.it),))
        self.store.save_judgement("arrives", self.store.judged("arrives").tick, judgement, None)
        self.now = EIGHT
        self.posting = Posting(
            self.store, lambda: catalog, NoMeter(), lambda: self.now, url="https://watch.example", mission=""
        )

    def turn(self, after: Micros = 0) -> Sequence[OutboxRow]:
        self.now += after
        before = {row.row for row in self.store.outbox()}
        self.posting.turn()
        return [row for row in reversed(self.store.outbox()) if row.row not in before]


def test_a_shift_is_handed_what_is_open_and_starts_with_three_lines() -> None:
    office = Office()
    office.store.act(Action(office.it.id, EIGHT - HOUR, "ask", "ann", "bob", "call the depot", until=EIGHT + HOUR))
    handover, card = office.turn()
    assert {handover.notice.target, card.notice.target} == {"desk"}, "it wakes nobody"
    said = handover.notice.message
    assert said.title == "HAND-OVER · Operations · Thu 4 Apr, 08:00 BST"
    page = f"https://watch.example/interruptions/{office.it.id}"
    assert said.lines == (
        "Since Wed 3 Apr, 08:00 BST: 1 opened, 0 over. Open now: 1, 1 of them nobody has.",
        f"HIGH · Arrives on time: 3 customers since Wed 3 Apr, 12:00 BST; nobody has it. {page}",
        "Asked of bob, by Thu 4 Apr, 09:00 BST: call the depot",
    )
    assert said.link == "https://watch.example/owners/ops"
    assert card.notice.message.title == "Operations · Thu 4 Apr"
    mission, yesterday, story = card.notice.message.lines
    assert mission == "Mission: I am where I wanted to be."
    assert yesterday == "Yesterday: 3 customers let down."
    assert story.startswith("One of them: ")
    assert "Arrives on time broken Wed 12:00 (no van); complained Wed 13:00." in story
    assert "c1" not in story


def test_it_is_said_once_whoever_asks_and_however_often() -> None:
    office = Office()
    assert len(office.turn()) == 2
    assert office.turn(MINUTE) == []
    assert len(office.store.decisions(None)) == 2
    assert Office().posting.turn() == 2
    # A replica that read the desk before the first one wrote.
    stale = office.store.desk()
    office.now += DAY
    assert office.posting.turn() == 2
    with pytest.raises(StaleClaim):
        office.store.save_desk(stale, [], [], [], office.now)


def test_a_shift_that_began_long_ago_is_not_told_any_more() -> None:
    office = Office()
    assert office.turn(CATCH_UP + MINUTE) == []
    assert len(office.turn(DAY - CATCH_UP)) == 2
    # Nobody comes on a Saturday.
    assert office.turn(DAY) == []


def test_it_goes_by_the_routes_and_every_decision_is_kept() -> None:
    night = (TimeInterval(times=((0, 24 * 60),)),)
    routes = (
        Route("cards", (Matcher("kind", "=", "card"),), receiver="rio"),
        Route("quiet", (Matcher("kind", "=", "handover"),), mute=(("always", night),)),
    )
    office = Office(replace(CATALOG, routes=routes))
    [card] = office.turn()
    assert (card.notice.target, card.notice.route) == ("rio-chat", "cards")
    assert office.store.decisions(None)[::-1] == [
        Decision(EIGHT, "", "quiet", "ops", "dropped", "muted", "handover: by always"),
        Decision(EIGHT, "", "cards", "rio", "sent", "shift", "card: rio-chat"),
    ]


def test_a_night_shift_over_midnight_is_one() -> None:
    night = (TimeInterval(times=((22 * 60, 24 * 60),)), TimeInterval(times=((0, 6 * 60),)))
    start = micros(datetime(2013, 4, 4, tzinfo=UTC))
    assert beginnings(night, start, start + 2 * DAY) == [start + 22 * HOUR, start + 46 * HOUR]
    turns = tuple(TimeInterval(times=((at * 60, at * 60 + 1),)) for at in (6, 14, 22))
    assert len(beginnings(turns, start, start + DAY)) == 3


def silence(**changed: object) -> Silence:
    made = Silence(
        "s1",
        (Matcher("moment", "=", "arrives"), Matcher("region", "=", "north")),
        YESTERDAY,
        EIGHT + 2 * DAY,
        "ann",
        "stocktaking",
        YESTERDAY,
        remind=15 * MINUTE,
    )
    return msgspec.structs.replace(made, **changed)


def test_whoever_is_kept_from_hearing_is_reminded_before_a_silence_ends_once() -> None:
    office = Office()
    office.store.put_silence(silence())
    office.now = EIGHT + 2 * DAY - 16 * MINUTE
    assert office.turn() == []
    [told] = office.turn(MINUTE)
    assert (told.notice.target, told.notice.reason) == ("desk", "silence_ends")
    message = told.notice.message
    assert message.title == 'SILENCE ENDS · in 15 min · moment="arrives", region="north"'
    assert "stocktaking" in message.lines[1]
    assert message.link == "https://watch.example/silences"
    assert office.turn(MINUTE) == []
    # Made longer, it ends anew.
    office.store.put_silence(silence(ends=EIGHT + 3 * DAY))
    assert len(office.turn(DAY)) == 1


@pytest.mark.parametrize(
    ("changed", "targets"),
    [
        ({"author": "rio"}, ["rio-chat"]),
        ({"remind": 0}, []),
        ({"ended_by": "bob"}, []),
        ({"matchers": (Matcher("owner", "=", "somebody"),)}, []),
        ({"matchers": (Matcher("level", "=", "low"),)}, ["desk"]),
        ({"matchers": (Matcher("owner", "=", "ops"),)}, ["desk"]),
    ],
    ids=["author-is-an-owner", "unasked", "ended", "nobodys", "anybodys", "silences-its-own-reminder"],
)
def test_who_is_reminded(changed: dict[str, object], targets: list[str]) -> None:
    office = Office()
    office.store.put_silence(silence(**changed))
    office.now = EIGHT + 2 * DAY - MINUTE
    assert [row.notice.target for row in office.turn()] == targets
