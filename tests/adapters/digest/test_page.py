"""The page's three forms: a terminal's, a mail's and a program's."""

import json
import re
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import msgspec
import pytest

from service.adapters.digest import as_html, as_json, as_text, notices
from service.adapters.digest.lines import UNKNOWN, headline, lines
from service.adapters.sender.forms import form
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import HOUR
from service.core.weekly.digest import Asked, digest
from service.core.weekly.page import Customers, Due, Page
from service.core.weekly.week import Week
from tests.adapters.web.world import CATALOG, World, marketplace
from tests.core.weekly.test_digest import outcome

ZONE = ZoneInfo("America/Sao_Paulo")
WEEK = Week(2017, 50)
TITLES = [
    "Mission",
    "What customers met",
    "Which promise",
    "Did we know first?",
    "The vital few",
    "Still not well",
    "Customers gained and lost",
    "Owners",
    "Falls due next week",
    "Two customers",
    "What we did not see",
    "Decisions asked",
]


@pytest.fixture(scope="module")
def page() -> Page:
    asked = Asked(WEEK, ZONE, "Every promise kept.", "BRL")
    return digest(marketplace().store, CATALOG, asked, WEEK.end(ZONE) + 7 * HOUR)


def empty(catalog: Catalog | None = None) -> Page:
    catalog = catalog or Catalog()
    return digest(World(catalog).store, catalog, Asked(WEEK, ZONE), WEEK.end(ZONE))


def hostile(more: str = "") -> Page:
    evil = f"<img src=x onerror=alert(1)>\u202e\x1b[31m{more}\n{{{{ 7 * 7 }}}}"
    moment = Moment("m", "ops", title=evil, promise=evil, unit=evil, dimensions=("d",))
    world = World(Catalog(owners={"ops": Owner("ops", title=evil)}, moments={"m": moment}))
    spoken = evil.replace(more, "") if more else evil
    start = WEEK.start(ZONE)
    world.take(
        [outcome(start + n, f"{spoken}{n}", reason=spoken, dimensions={"d": spoken, spoken: spoken}) for n in range(3)]
        + [outcome(start + 9, "ann", "kept", dimensions={"d": "fine"})]
    )
    return digest(world.store, world.catalog, Asked(WEEK, ZONE, evil), WEEK.end(ZONE))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_layout_is_the_same_for_a_full_week_and_for_an_empty_one(page: Page) -> None:
    for each in (page, empty(), empty(CATALOG), hostile()):
        assert [(line.number, line.title) for line in lines(each)] == list(enumerate(TITLES, 1))
        assert all(line.sentences for line in lines(each))


def test_every_line_without_a_source_says_what_would_make_it_known(page: Page) -> None:
    said = [str(sentence) for line in lines(empty()) for sentence in line.sentences if UNKNOWN in str(sentence)]
    assert len(said) >= 6
    assert all(re.search(r"Not known yet; (needs|write|declare) ", text) for text in said)
    assert lines(page)[11].sentences[0].text.startswith(f"{UNKNOWN}; needs")


def test_the_subject_is_what_customers_met(page: Page) -> None:
    assert re.fullmatch(r"Week 2017-W50: \d+ of 1,996 promises broken", headline(page))
    assert headline(empty()) == "Week 2017-W50: nothing was seen"


def test_the_text_fits_a_terminal_and_shows_the_chart_under_its_line(page: Page) -> None:
    text = as_text(page)
    assert max(map(len, text.splitlines())) <= 100
    assert text.index("3 Which promise") < text.index(" W50 ") < text.index("4 Did we know first?")
    assert re.search(r"W50 +\d+ % \|█+ *\| outside", text)
    assert "At risk BRL" in text


def test_the_html_is_a_whole_document_that_every_mail_client_shows(page: Page) -> None:
    html = as_html(page, "https://watch.example")
    tags = _Tags()
    tags.feed(html)
    assert html.startswith("<!doctype html>")
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "svg", "form", "iframe"}
    assert 'href="https://watch.example"' in html
    # Clients cut a mail off beyond 102 KB.
    assert len(html) < 100_000


def test_a_link_that_is_no_web_address_is_left_out(page: Page) -> None:
    assert "javascript:" not in as_html(page, "javascript:alert(1)")


def test_a_bars_pieces_fill_its_track(page: Page) -> None:
    for track in re.findall(r'<table [^>]*title="[^"]*"><tr>(.*?)</tr>', as_html(page), re.DOTALL):
        assert sum(map(int, re.findall(r'width="(\d+)%"', track))) == 100


def test_text_from_outside_is_escaped_and_plain() -> None:
    page = hostile("\ud800")
    html = as_html(page)
    tags = _Tags()
    tags.feed(html)
    assert "img" not in tags.seen
    assert "&lt;img" in html
    assert "{{ 7 * 7 }}" in html
    for made in (html, as_text(page)):
        assert not re.search("[\u202e\x1b\ud800]", made)
        made.encode()


def test_text_from_outside_stays_whole_in_json() -> None:
    assert json.loads(as_json(hostile()))["mission"] == "<img src=x onerror=alert(1)>\u202e\x1b[31m\n{{ 7 * 7 }}"


def test_the_json_has_these_keys_and_times_in_utc(page: Page) -> None:
    found = json.loads(as_json(page))
    assert list(found) == [
        "week",
        "start_at",
        "end_at",
        "as_of",
        "over",
        "timezone",
        "currency",
        "minor_digits",
        "mission",
        "promises",
        "met",
        "moments",
        "chart",
        "known_first",
        "vital_few",
        "unwell",
        "customers",
        "repeated",
        "owners",
        "due",
        "stories",
        "unseen",
        "moved",
        "suggestions",
    ]
    assert found["start_at"] == "2017-12-11T02:00:00Z"
    assert (found["over"], found["timezone"], found["customers"]) == (True, "America/Sao_Paulo", None)


def test_money_has_the_one_currency(page: Page) -> None:
    lost = Customers(412, 37, 0, 0, 0, 6_100_000, 9, 8)
    text = as_text(msgspec.structs.replace(page, customers=lost))
    assert "+412 joined, \N{MINUS SIGN}37 left (BRL 61,000)" in text


def test_a_notices_key_is_the_weeks_and_the_targets(page: Page) -> None:
    first, second = notices(page, ["cco", "ceo", "cco"], "https://watch.example")
    again = notices(msgspec.structs.replace(page, mission="another"), ["cco"])
    other = notices(msgspec.structs.replace(page, week="2017-W51"), ["cco"])
    assert first.key == again[0].key == first.message.thread
    assert len({first.key, second.key, other[0].key}) == 3
    assert (first.reason, first.message.level, first.message.state) == ("digest", "low", "none")


def test_a_phone_shows_what_customers_met(page: Page) -> None:
    [notice] = notices(page, ["cco"])
    shown = form(notice.message, "ntfy")
    assert shown.title == headline(page)
    assert shown.body.splitlines()[0].startswith("1,996 promises fell due;")


def test_a_mail_has_the_page_in_both_parts(page: Page) -> None:
    [notice] = notices(page, ["cco"])
    shown = form(notice.message, "mailto")
    assert shown.html == as_html(page)
    assert all(title in shown.body for title in TITLES)


def test_it_says_how_many_of_what_falls_due_will_miss_and_where(page: Page) -> None:
    due = Due("m", "Parcels", 826, 225, 0.06, 0.14, (130, 150, 170), ("region", "RJ", 42, 64))
    [said] = _due_said(page, due)
    assert said == "826 known so far; 225 open, of which about 150 (130 to 170) will miss, 42 of the 64 in region RJ."
    [said] = _due_said(page, msgspec.structs.replace(due, misses=None))
    assert said == "826 known so far; 225 open. At the usual share 50 will miss, at this week's 116."


def _due_said(page: Page, due: Due) -> list[str]:
    told = lines(msgspec.structs.replace(page, due=(due,)))
    return [sentence.text for line in told if line.title == "Falls due next week" for sentence in line.sentences]
