"""Where an interruption of everything is worst is told wherever people read of it."""

from zoneinfo import ZoneInfo

import pytest

from service.adapters.digest import as_text
from service.adapters.web import interruption as page
from service.adapters.web.look import Look
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import Words
from service.cli.explaining import evidence_lines
from service.cli.table import print_table
from service.core.catalog import Owner
from service.core.event import DAY, MINUTE, instant
from service.core.interruption import Change, Interruption
from service.core.reporting.carried import places
from service.core.reporting.evidence import evidence_of
from service.core.reporting.report import Span, lines
from service.core.standing import Judgement
from service.core.telling.message import words
from service.core.weekly.digest import Asked, digest
from service.core.weekly.week import Week
from service.loops.announce import Money, facts_of
from tests.adapters.web.test_web_pages import client_of
from tests.adapters.web.world import World
from tests.core.making import at
from tests.core.reporting.test_carried import MOMENT, world

NOW = at(2 * DAY // MINUTE)
WORST = "most of all region north"


@pytest.fixture(scope="module")
def told() -> tuple[World, Interruption]:
    """Of two regions one all but fails, and it is an interruption of everything."""
    made, it = world()
    made.judge("arrives", Judgement(NOW, (Change("opened", it.detected_at, it),)))
    return made, it


def test_in_the_table(told: tuple[World, Interruption], capsys: pytest.CaptureFixture[str]) -> None:
    made, it = told
    found = lines(made.store, dict(made.catalog.moments), Span(at(0), NOW))
    assert found[0].dimensions == {}
    print_table(found, places(made.store, made.catalog.moments, NOW))
    # In one line, however long the words are: tables are read by programs as well.
    long = f"everywhere, {WORST}; clearly too region {', '.join(['elsewhere'] * 12)}"
    print_table(found, {it.id: long.removeprefix("everywhere, ")})
    said = capsys.readouterr().out
    assert f"everywhere, {WORST} " in said
    assert long in said
    assert places(made.store, made.catalog.moments, NOW) == {it.id: WORST}


def test_in_the_notice(told: tuple[World, Interruption]) -> None:
    made, it = told
    text = words("opened", it, MOMENT, Owner("ops"), facts_of(made.store, MOMENT, it, NOW, Money("EUR", 2)))
    assert text.title.endswith(f" · {WORST}")
    assert f"Everywhere, {WORST}." in text.lines
    assert "Do first: look at region north." in text.lines


def test_on_the_page(told: tuple[World, Interruption]) -> None:
    made, it = told
    view = page.build(Look(made.store, made.catalog, NOW, Words(WebSettings())), it)
    assert view.where == f"everywhere, {WORST}"
    assert view.title.endswith(WORST)
    assert view.worst == ("region north: 36 of 40, usually 4",)
    shown = client_of(made).get(f"/interruptions/{it.id}").text
    assert f"<dd>everywhere, {WORST}</dd>" in shown
    assert "region north: 36 of 40" in shown


def test_in_what_explains_it(told: tuple[World, Interruption]) -> None:
    made, it = told
    evidence = evidence_of(
        made.store, lambda after, through: made.store.windows("arrives", after, through), MOMENT, it, NOW
    )
    said = list(evidence_lines(evidence))
    assert said[0].endswith(f"; everywhere, {WORST}")
    place = said.index(
        "Clearly beyond their own past (one in twenty by chance); * beyond the rest as well (99 times in 100)"
    )
    assert said[place + 1].split() == ["region", "north", "*", "36", "of", "40", "broken", "(90.0%),", "usual", "4.0"]


def test_in_the_week(told: tuple[World, Interruption]) -> None:
    made, _ = told
    calendar = instant(at(0)).isocalendar()
    week = digest(made.store, made.catalog, Asked(Week(calendar.year, calendar.week), ZoneInfo("UTC")), NOW)
    assert [one.most for one in week.unwell.open] == [{"region": ["north"]}]
    assert [one.most for one in week.known_first.opened] == [{"region": ["north"]}]
    assert f"arrives ({WORST})" in " ".join(as_text(week).split())
