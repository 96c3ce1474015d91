"""The wall as a view, without HTTP."""

import re
from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest

from service.adapters.web import wall
from service.adapters.web.look import Look
from service.adapters.web.settings import WebSettings
from service.adapters.web.tile import Tile, where
from service.adapters.web.wall import Wall
from service.adapters.web.words import Words
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, MINUTE, SECOND, Outcome
from service.core.interruption import Change
from service.core.reporting.due_soon import will_miss
from service.core.reporting.knowing import Knowing
from service.core.standing import Judgement, Totals
from tests.adapters.web.world import CATALOG, LATE, NOW, RIO_LATE, World, stamp

if TYPE_CHECKING:
    from service.core.ports import Reader


def see(world: World) -> Wall:
    look = Look(world.store, world.catalog, NOW, Words(WebSettings(currency="BRL")))
    knowing = Knowing()
    knowing.look(look.reader, look.catalog, look.now)
    return wall.build(look, knowing)


@pytest.fixture(scope="module")
def seen(market: World) -> Wall:
    return see(market)


@pytest.fixture(scope="module")
def tiles(seen: Wall) -> dict[str, Tile]:
    return {t.name: t for section in seen.sections for column in section.columns for t in column.tiles}


def test_stages_stand_in_the_journeys_order_and_the_worst_first_inside_one(seen: Wall) -> None:
    buying, others = seen.sections
    assert [column.title for column in buying.columns] == ["Order", "Delivery", "Afterwards"]
    assert [t.name for t in buying.columns[1].tiles] == [LATE, "handed-to-carrier"]
    assert others.title == "Other moments"
    assert [t.name for t in others.columns[0].tiles] == ["pays-at-checkout"]


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        (LATE, "unreliable", "unreliable since Wed 13 Dec 06:00"),
        ("handed-to-carrier", "watch", "watch since Sun 10 Dec 15:04"),
        ("order-approved-in-time", "reliable", "reliable"),
        ("refunded-in-five-days", "unknown", "not known since 09:40"),
        ("answered-in-a-day", "learning", "learning: day 5 of 14"),
    ],
)
def test_a_state_is_a_word_with_its_time(tiles: dict[str, Tile], name: str, word: str, says: str) -> None:
    assert (tiles[name].state.word, tiles[name].state.says) == (word, says)


def test_a_tile_says_the_promise_the_number_and_who_has_it(tiles: dict[str, Tile], market: World) -> None:
    tile = tiles[LATE]
    week = market.store.totals(LATE, NOW + 1 - 7 * DAY, NOW + 1, 7 * DAY)[0][1]
    assert tile.title == "Your parcel is with you by the day we told you."
    assert tile.owner == "Delivery operations"
    assert (tile.count, tile.of) == (f"{week.customers:,}", f"{week.attempts:,}")
    assert tile.usual.startswith("usual ")
    assert tile.response == "nobody has it, 47 h"
    assert tile.response_href == f"/interruptions/{RIO_LATE.id}"
    assert tile.where.startswith("RJ ")
    coming = will_miss(market.store, LATE, NOW)
    assert coming is not None
    said = f"{coming.open} open fall due in 24 hours, about {coming.middle} will miss; "
    assert re.fullmatch(said + r"[\d,]+ in 7 days", tile.next)
    assert tile.money.startswith("BRL ")


def test_customers_are_counted_once_over_all_moments_and_other_units_apart(seen: Wall, market: World) -> None:
    names = [name for name, moment in CATALOG.moments.items() if moment.unit == "customers"]
    distinct, breaks = market.store.customers(names, NOW + 1 - 7 * DAY, NOW + 1)
    assert seen.headlines[0].figure == f"{distinct:,}"
    assert seen.headlines[0].says == "customers let down"
    assert distinct <= breaks
    assert seen.headlines[1].says == "payments hit"


def test_flights_are_never_called_customers(tiles: dict[str, Tile]) -> None:
    assert tiles["pays-at-checkout"].unit == "payments hit"


def test_of_another_unit_each_break_counts_whosever_it_is() -> None:
    for unit, count in (("flights", "3"), ("customers", "1")):
        world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops", unit=unit)}))
        world.take(
            [
                Outcome(id=f"{n}", time=stamp(NOW - n * SECOND), moment="m", customer="c", outcome="broken")
                for n in range(3)
            ]
        )
        world.judge("m", Judgement(NOW))
        wall = see(world)
        assert (wall.sections[0].columns[0].tiles[0].count, wall.headlines[0].figure) == (count, count)


def test_the_header_counts_the_unreliable_the_blind_and_who_knew_first(seen: Wall) -> None:
    by_says = {headline.says: headline for headline in seen.headlines}
    assert (by_says["unreliable"].figure, by_says["unreliable"].note) == ("1", "of 6 moments")
    assert by_says["blind hours"].figure == "5.4"
    assert by_says["known first"].figure == "1 of 1"
    assert seen.summary == "1 moment unreliable, 1 moment not known and 1 to watch."
    assert seen.tone == "bad"


def test_learning_shows_how_much_was_seen_and_no_usual(tiles: dict[str, Tile]) -> None:
    assert tiles["answered-in-a-day"].usual == "240 of about 840 to learn from"
    assert "band" not in dict(tiles["answered-in-a-day"].strip.shapes)


def test_blind_days_are_hatched(tiles: dict[str, Tile]) -> None:
    hatched = [column for column in tiles["refunded-in-five-days"].strip.columns if column.kind == "blind"]
    assert len(hatched) == 3, "one span over a midnight and one today"


def test_a_machine_up_for_a_minute_shows_something() -> None:
    world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")}))
    before = see(world)
    [tile] = before.sections[0].columns[0].tiles
    assert tile.state.says == "learning: day 1 of 14"
    assert tile.title == "m"
    assert before.summary == "No event so far."
    world.take([Outcome(id="1", time=stamp(NOW), moment="m", customer="c", outcome="kept")])
    [tile] = see(world).sections[0].columns[0].tiles
    assert (tile.of, tile.usual) == ("1", "1 seen so far")


def test_when_all_is_well_the_header_says_why_to_believe_it() -> None:
    world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")}))
    world.take([Outcome(id="1", time=stamp(NOW - 40 * SECOND), moment="m", customer="c", outcome="kept")])
    world.judge("m", Judgement(NOW))
    calm = see(world)
    assert calm.tone == "calm"
    assert calm.summary == "Every moment is reliable. Last event 40 s ago; quietest moment 40 s."


def test_an_empty_catalogue_says_so() -> None:
    assert see(World(Catalog())).summary == "No moment is declared yet."


def test_trouble_outranks_blindness_and_both_are_said() -> None:
    world = World(CATALOG)
    world.judge(LATE, Judgement(NOW, (Change("opened", RIO_LATE.detected_at, RIO_LATE),)))
    world.store.save_blind([BlindSpan(LATE, NOW - 24 * MINUTE, None, "away")])
    tile = see(world).sections[0].columns[1].tiles[0]
    assert tile.state.says == "unreliable since Wed 13 Dec 06:00; not seen since 14:40"


def test_the_wall_asks_a_handful_of_questions_a_moment(market: World) -> None:
    asked: Counter[str] = Counter()

    class Counting:
        def __getattr__(self, name: str) -> object:
            asked[name] += 1
            return getattr(market.store, name)

    look = Look(cast("Reader", Counting()), market.catalog, NOW, Words(WebSettings()))
    wall.build(look, Knowing())
    dimensions = sum(len(moment.dimensions) for moment in market.catalog.moments.values())
    # What is to be expected of the next day, by the hour, is asked where something is wrong: of one moment here.
    assert asked["lives"] == 1
    asked -= Counter({"due": 24, "lives": 1, "status": 1})
    per_moment = (asked.total() - dimensions) / len(market.catalog.moments)
    assert per_moment < 9, asked


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([("RJ", Totals(64, 19)), ("SP", Totals(300, 20))], "RJ 19 of 64"),
        ([("RJ", Totals(64, 4)), ("SP", Totals(300, 20))], ""),
        ([(None, Totals(64, 19)), ("SP", Totals(300, 20))], ""),
        ([("RJ", Totals(64, 19))], ""),
    ],
    ids=["stands out", "in line with the rest", "not stated is no place", "no rest to compare with"],
)
def test_a_place_is_named_only_when_it_stands_out(values: list[tuple[str | None, Totals]], said: str) -> None:
    everything = Totals(sum(t.attempts for _, t in values), sum(t.broken for _, t in values))
    assert where({"region": values}, everything) == said


def test_up_for_a_minute_it_says_how_much_there_is_to_learn_from() -> None:
    world = World(CATALOG)
    times = [stamp(NOW - MINUTE + i * 150_000) for i in range(312)]
    world.take(
        [
            Outcome(f"o{i}", at, "handed-to-carrier", f"c{i}", "kept" if i % 14 else "broken")
            for i, at in enumerate(times)
        ]
    )
    for name in CATALOG.moments:
        world.judge(name, Judgement(NOW, (), (), learning=(1 / 1440, 14.0)))
    found = see(world)
    tiles = {t.name: t for section in found.sections for column in section.columns for t in column.tiles}
    busy, quiet = tiles["handed-to-carrier"], tiles[LATE]
    assert (busy.state.says, busy.usual) == ("learning: day 1 of 14", "312 of about 6,300,000 to learn from")
    assert (busy.count, busy.of) == ("23", "312")
    assert quiet.usual == "nothing seen so far"
    assert (found.quiet, found.declared) == (False, True)
    assert found.tone == "plain", "nothing is known to be well so far"


def test_before_the_first_event_it_says_what_happens_next() -> None:
    assert (see(World(CATALOG)).quiet, see(World(CATALOG)).declared) == (True, True)
    nothing = see(World(Catalog()))
    assert (nothing.quiet, nothing.declared, nothing.summary) == (True, False, "No moment is declared yet.")
