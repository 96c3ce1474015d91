"""The chart of an interruption of volume: how many events came, and how many usually do."""

import re

from fastapi.testclient import TestClient

from service.adapters.web.arrivals import bars
from service.adapters.web.figures import Grid
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import Words
from service.core.counting.changes import BlindSpan
from service.core.event import DAY, HOUR, Micros, Outcome
from service.core.interruption import Change
from service.core.standing import Judgement
from tests.adapters.web.apps import app_of
from tests.adapters.web.world import NOW, World, interruption, stamp

WORDS = Words(WebSettings())
START: Micros = 100 * DAY
GRID = Grid([START + hour * HOUR for hour in range(24)], HOUR, 28, every=24)


def usually(events: int, *, since: Micros = START - 28 * DAY) -> dict[Micros, int]:
    return {at: events + at // DAY % 3 for at in range(since, START, HOUR)}


def test_too_few_and_too_many_are_news() -> None:
    came = usually(20) | {START: 21, START + HOUR: 3, START + 2 * HOUR: 60}
    found = bars(came, GRID, (), START + DAY, WORDS)
    assert [(bar.height, bar.is_news) for bar in found[:3]] == [(21.0, False), (3.0, True), (60.0, True)]
    assert found[0].usual is not None
    assert (found[0].usual.low, found[0].usual.high) == (20.0, 22.0)


def test_where_none_came_stands_a_zero_that_is_news() -> None:
    [bar, *_] = bars(usually(20), GRID, (), START + DAY, WORDS)
    assert (bar.height, bar.is_news) == (0.0, True)
    assert bar.label.endswith("0 came, usual 20 to 22.")


def test_an_hour_that_is_not_over_is_no_news() -> None:
    [bar, *_] = bars(usually(20), GRID, (), START + HOUR // 2, WORDS)
    assert (bar.usual, bar.is_news) == (None, False)


def test_what_nobody_saw_is_no_news_and_is_not_usual_afterwards() -> None:
    blind = [
        BlindSpan("m", START - 20 * DAY, START - 2 * DAY, "consumer"),
        BlindSpan("m", START, START + HOUR, "consumer"),
    ]
    came = {at: n for at, n in usually(20).items() if not START - 20 * DAY <= at < START - 2 * DAY}
    first, second, *_ = bars(came, GRID, blind, START + DAY, WORDS)
    assert (first.is_news, first.blind) == (False, 1.0)
    assert second.is_news
    assert second.usual is not None
    assert second.usual.low >= 20


def test_before_the_first_event_of_all_there_is_nothing_to_compare_with() -> None:
    [bar, *_] = bars(usually(20, since=START - 6 * DAY), GRID, (), START + DAY, WORDS)
    assert bar.usual is None


def test_the_page_of_an_interruption_of_volume_shows_events() -> None:
    world = World()
    moment, stopped = "pays-at-checkout", NOW - 5 * HOUR
    world.take([
        Outcome(id=f"e{number}", time=stamp(at), moment=moment, customer=f"c{number}", outcome="kept")
        for number, at in enumerate(range(NOW - 30 * DAY, stopped, HOUR // 4))
    ])  # fmt: skip
    it = interruption(moment, (), stopped, stopped + HOUR, kind="volume", kinds=("volume",), expected=4.0, seen=0.0)
    world.judge(moment, Judgement(NOW, (Change("opened", it.detected_at, it),)))
    with TestClient(app_of(world), base_url="http://127.0.0.1:8080") as client:
        text = client.get(f"/interruptions/{it.id}").text
    assert "<h2>Events</h2>" in text
    assert "Events, in steps of" in text
    assert "Share of the moment" not in text
    figures = text.partition("Figures of the chart")[2].partition("</table>")[0]
    assert re.findall(r'scope="col"[^>]*>([^<]*)<', figures) == ["When", "Events", "Usual"]
    rows = re.findall(r'<td class="n">([^<]*)</td><td class="n">([^<]*)</td>', figures)
    assert ("0", "2 to 2") in rows or ("0", "4 to 4") in rows
    assert 'class="high"' in text.partition("<h2>Events</h2>")[2]
