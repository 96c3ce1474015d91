"""What an interruption did to people and money, line by line; only customers are called customers."""

from collections.abc import Sequence

import msgspec
import pytest

from service.adapters.web import interruption as page
from service.adapters.web.harm import arithmetic, mark_rows, newly, peers_words, step_of
from service.adapters.web.look import Look
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import Words
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import DAY, HOUR, Complaint, Micros, Outcome, Promise
from service.core.interruption import Change
from service.core.marks import Mark, Risk, Share
from service.core.people import Place
from service.core.reporting.risk import compared
from service.core.standing import Judgement
from tests.adapters.web.test_web_pages import client_of
from tests.adapters.web.world import NOW, World, interruption, stamp

WORDS = Words(WebSettings(currency="BRL"))
PEOPLE, FLIGHTS = Moment("m", "ops"), Moment("m", "ops", unit="flights")
BY_VALUE = Risk(2, 3, 497_700, 0, 0, "orders", 0.08, 39_816)


@pytest.mark.parametrize(
    ("risk", "moment", "lines"),
    [
        (
            BY_VALUE,
            PEOPLE,
            (
                "3 broken promises of 2 customers",
                "value of what was broken: BRL 4,977",
                "at risk: BRL 4,977 \u00d7 8 % = BRL 398",
            ),
        ),
        (
            msgspec.structs.replace(BY_VALUE, share=None, amount=497_700),
            FLIGHTS,
            (
                "3 broken promises",
                "value of what was broken: BRL 4,977",
                "at risk: the whole value of what was broken, BRL 4,977; no loss probability is declared",
            ),
        ),
        (
            Risk(2, 3, 497_700, 1, 1_200_000, "customers", 0.1, 120_000),
            PEOPLE,
            (
                "3 broken promises of 2 customers",
                "value of what was broken: BRL 4,977",
                "1 of 2 customers with a known yearly value: BRL 12,000 together",
                "at risk: BRL 12,000 \u00d7 10 % = BRL 1,200",
            ),
        ),
        (
            Risk(1, 1, 0, 1, 1_200_000, "customers", None, 1_200_000),
            FLIGHTS,
            (
                "1 broken promise",
                "1 of those hit with a known yearly value: BRL 12,000 together",
                "at risk: the whole yearly value, BRL 12,000; no loss probability is declared",
            ),
        ),
    ],
)
def test_each_line_of_the_arithmetic_has_its_figures_and_the_last_is_the_result(
    risk: Risk, moment: Moment, lines: tuple[str, ...]
) -> None:
    assert arithmetic(risk, moment, WORDS) == lines


def test_what_was_frozen_says_when_how_much_and_of_how_many() -> None:
    later = msgspec.structs.replace(BY_VALUE, customers=5, broken=9, amount=50_000)
    marks = [Mark("i", "opened", NOW, BY_VALUE), Mark("i", "day30", NOW, later, compared(Share(9, 1), Share(9, 1), 7))]
    rows = mark_rows(marks, PEOPLE, NOW, WORDS)
    assert [(row.what, row.amount, row.count) for row in rows] == [
        ("when it opened", "BRL 398", "2"),
        ("30 days after", "BRL 500", "5"),
    ]
    assert rows[0].when == "Fri 15 Dec 15:04"
    assert [row.since for row in rows] == ["", "1 of 9 hit left, 1 of 9 spared: too few to conclude"]
    assert [row.count for row in mark_rows(marks, FLIGHTS, NOW, WORDS)] == ["3", "9"]


@pytest.mark.parametrize(
    ("hit", "spared", "yearly", "said"),
    [
        (
            (50, 9),
            (500, 20),
            1_000_000,
            "+14.0 points (+5.5 to +26.9); BRL 1,400 a year lost (BRL 551 to BRL 2,687)",
        ),
        ((50, 9), (500, 20), 0, "+14.0 points (+5.5 to +26.9)"),
        ((100, 6), (400, 20), 1_000_000, "+1.0 points (-3.1 to +7.7), no more than chance may do"),
    ],
)
def test_what_the_peers_did_says_how_much_more_left_and_whether_it_may_be_chance(
    hit: tuple[int, int], spared: tuple[int, int], yearly: int, said: str
) -> None:
    words = peers_words(compared(Share(*hit), Share(*spared), yearly), WORDS)
    assert words == f"{hit[1]} of {hit[0]} hit left, {spared[1]} of {spared[0]} spared: {said}"


# --- newly hit ---


def trend(counts: Sequence[int | None], step: Micros = HOUR, now: Micros | None = None) -> str:
    """What is said of so many newly hit in each step since one began; None: nothing fell due in it."""
    start = NOW - NOW % DAY
    end = start + len(counts) * step if now is None else now
    found = {start + place * step: count for place, count in enumerate(counts) if count}
    tried = {start + place * step for place, count in enumerate(counts) if count is not None}
    shown = newly(found, step, Place("m", (), start, end + 1), end, WORDS, tried)
    assert shown is not None
    return shown.says


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((3, 20), "Getting worse: 3 newly hit in one whole hour, 20 in the next and last."),
        ((20, 3), "Getting better: 20 newly hit in one whole hour, 3 in the next and last."),
        ((10, 14), "No clear change: 10 newly hit in one whole hour, 14 in the next and last."),
        ((0, 20, 20), "No clear change: 20 newly hit in one whole hour, 20 in the next and last."),
        ((5, 0, 0), "No clear change: 0 newly hit in one whole hour, 0 in the next and last."),
        # Over the holidays nothing falls due, and that is no recovery.
        ((30, 28, None, None), "No clear change: 30 newly hit in one whole hour, 28 in the next and last."),
        ((28, 0, None), "Getting better: 28 newly hit in one whole hour, 0 in the next and last."),
        ((7,), "7 so far, in less than two whole hours."),
    ],
)
def test_it_gets_worse_or_better_only_by_more_than_chance_of_whole_hours(
    counts: tuple[int | None, ...], said: str
) -> None:
    assert trend(counts) == said


def test_an_hour_that_is_not_over_is_not_compared() -> None:
    start = NOW - NOW % DAY
    assert trend((3, 20, 1), now=start + 2 * HOUR + HOUR // 2).startswith("Getting worse: 3 newly hit")
    assert "one whole day" in trend((3, 20), step=DAY)


def test_each_hour_has_its_column_and_days_have_theirs_once_it_is_old() -> None:
    start = NOW - NOW % DAY
    place = Place("m", (), start + 1, start + 3 * HOUR)
    shown = newly({start: 4, start + 2 * HOUR: 1}, step_of(place), place, NOW, WORDS, ())
    assert shown is not None
    assert shown.unit == "hour"
    said = [column.label for column in shown.charts[0].columns if column.kind == "high"]
    assert said == ["00:00: 4 newly hit.", "01:00: 0 newly hit.", "02:00: 1 newly hit."]
    assert step_of(Place("m", (), 0, 48 * HOUR)) == HOUR
    assert step_of(Place("m", (), 0, 48 * HOUR + 1)) == DAY
    assert newly({}, HOUR, place, NOW, WORDS, ()) is None


# --- the whole page ---


def hit(unit: str) -> tuple[World, page.InterruptionPage]:
    """An open interruption of a moment that counts `unit`: broken, late, waiting, complained, frozen."""
    world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops", unit=unit)}))
    since, due = NOW - 3 * DAY, NOW - 2 * DAY
    world.take(
        [
            *(Promise(f"p{n}", stamp(since), "m", f"x{n}", f"k{n}", stamp(due), 10.0) for n in range(4)),
            Outcome("late", stamp(due + DAY), "m", "x0", "kept", "k0"),
            Outcome("bad", stamp(due), "m", "x1", "broken", value=5.0),
            Complaint("c", stamp(due + DAY), "x1", "m"),
        ]
    )
    world.close("m", NOW - HOUR)
    it = interruption("m", (), since, due + HOUR)
    world.judge("m", Judgement(NOW - HOUR, (Change("opened", it.detected_at, it),)))
    world.store.save_mark(Mark(it.id, "opened", it.detected_at, BY_VALUE))
    return world, page.build(Look(world.store, world.catalog, NOW, WORDS), it)


def test_of_customers_the_page_says_customers() -> None:
    world, view = hit("customers")
    facts = {fact.name: (fact.figure, fact.note) for fact in view.harm}
    assert facts["Still waiting"] == ("3", "customers whose promise is not kept yet")
    assert facts["Settled late"] == ("1", "customers of whom all was kept after its due")
    assert facts["Complained"] == ("1", "of the 4 customers")
    assert view.newly is not None
    assert view.recovery is not None
    text = client_of(world).get(f"/interruptions/{view.id}").text
    assert '<th scope="col" class="n">Customers</th>' in text
    assert "Customers by the day in which they were hit first." in text


def test_of_anything_else_the_page_never_says_customers() -> None:
    world, view = hit("flights")
    facts = {fact.name: (fact.figure, fact.note) for fact in view.harm}
    assert facts["Still waiting"] == ("3", "whose promise is not kept yet")
    assert facts["Settled late"] == ("1", "of whom all was kept after its due")
    assert facts["Complained"] == ("1", "")
    assert (view.newly, view.recovery, view.money[0]) == (None, None, "5 broken promises")
    text = client_of(world).get(f"/interruptions/{view.id}").text
    body = text[text.index("<main") : text.index("</main>")]
    assert "customer" not in body.lower().replace("customers complain", "")
    assert '<th scope="col" class="n">Broken</th>' in body
