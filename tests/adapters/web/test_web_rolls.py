"""What pages say of journeys, of those who answer for them, and of customers who are hit again: each counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.adapters.web.journey import customers, journey, owner, owners
from service.adapters.web.look import Look
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import Words
from service.core.event import DAY, HOUR, Complaint, Outcome, Promise, instant
from service.core.people import Client
from tests.adapters.store.scene import T0
from tests.core.reporting.test_journeys import CATALOG, promised, stored

if TYPE_CHECKING:
    from service.adapters.web.sheet import Sheet, Table


@pytest.fixture
def look() -> Look:
    """Ann breaks at the seam and later on arrival, Bob on arrival in Rio, Eve at the seam only; Kim has all kept."""
    store = stored(
        *promised("handed", "ann", 1),
        *promised("handed", "eve", 1),
        *promised("handed", "bob", 1, kept=True),
        *promised("handed", "kim", 1, kept=True),
        *promised("arrived", "ann", 5),
        *promised("arrived", "bob", 6, region="RJ"),
        *promised("arrived", "eve", 6, kept=True),
        *promised("arrived", "kim", 6, kept=True, region="RJ"),
        # Eve is told a later day, which changes nothing but the line that says so.
        Promise("again", instant(T0 + HOUR // 2), "handed", "eve", "eve1", instant(T0 + 9 * HOUR), 10),
        Outcome("f", instant(T0), "flew", "UA1", "broken"),
        Complaint("c1", instant(T0 + DAY), "ann", "handed"),
        Complaint("c2", instant(T0 + DAY), "ann"),
    )
    store.list_clients([Client("ann", "zeal", 90_000), Client("bob", "also")])
    return Look(store, CATALOG, T0 + 6 * DAY, Words(WebSettings(currency="EUR")))


def table(sheet: Sheet, title: str) -> Table:
    [found] = [each for each in sheet.tables if each.title.partition(",")[0] == title]
    return found


def texts(sheet: Sheet, title: str) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row) for row in table(sheet, title).rows]


def test_a_journey_has_its_stages_in_order_under_their_executives_and_a_whole_that_is_no_sum(look: Look) -> None:
    page = journey(look, CATALOG.journeys["buying"])

    assert page.summary.startswith("In 7 days 1 of 4 customers had everything kept (25")
    assert [row[:3] for row in texts(page, "Stages")] == [
        ("Order", "CFO", "0"),
        ("Ship", "COO", "2"),
        ("Receive", "COO", "2"),
        ("The whole journey", "", "3"),
    ]
    assert texts(page, "Where it broke first") == [("handed", "2"), ("arrived", "1")]
    assert texts(page, "Breaks at the seams") == [("handed", "sellers", "The depot", "2", "1")]


def test_owners_managers_and_expectations_stand_with_the_most_customers_first(look: Look) -> None:
    page = owners(look)

    assert [row[::2] for row in texts(page, "Owners")] == [
        ("sellers", "2", "50 %"),
        ("The depot", "1", ""),
        ("rio", "1", ""),
    ]
    assert [row[:3:2] for row in texts(page, "Managers")] == [("ceo", "3"), ("coo", "3"), ("The depot", "2")]
    assert [row[:3:2] for row in texts(page, "Overall expectations")] == [("on-time", "3")]


def test_an_owner_answers_for_what_is_theirs_and_is_told_what_moved_the_goalposts(look: Look) -> None:
    coo, depot, sellers = (owner(look, CATALOG.owners[name]) for name in ("coo", "depot", "sellers"))

    assert coo.tables[0].title == "Owners"
    assert "2 customers let down in 7 days" in sellers.summary
    assert "With those who report to them: 2, each counted once." in depot.summary
    [(moment, said)] = texts(sellers, "What moved the goalposts")
    assert moment == "handed"
    assert "1 promise" in said


def test_who_was_hit_again_stands_by_value_beside_how_many_were_hit_at_all(look: Look) -> None:
    page = customers(look, ("zeal",), 650)

    assert "In 30 days 3 customers were let down: 1 of them twice or more, 0 three times or more." in page.summary
    assert "In 90 days 3 customers were let down" in page.summary
    again = table(page, "Let down twice or more in 90 days")
    assert [row[0].text for row in again.rows] == ["ann"]
    assert again.note == "The first 1 of 1, of 3 who were let down at all."
    rows = texts(page, "Customer segments in 90 days")
    assert [(row[0], row[2], row[5]) for row in rows] == [
        ("zeal (ideal)", "1", "2"),
        ("also", "1", "0"),
        ("not stated", "1", "0"),
    ]
    assert "13" in rows[0][-1]
    assert texts(customers(look, (), None), "Customer segments in 90 days")[0][-1] == "not known"
