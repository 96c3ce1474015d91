"""The pages over HTTP: what they show, what they never let through, and whom they answer."""

import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from service.adapters.web.guard import host_of
from service.adapters.web.interruption import state_words
from service.adapters.web.settings import WebSettings
from service.adapters.web.words import about
from service.core.catalog import Catalog, Moment, Owner
from service.core.counting.changes import Break
from service.core.event import DAY, HOUR, Outcome
from service.core.interruption import Change
from service.core.marks import Mark, Share
from service.core.people import Contact, place_of
from service.core.reporting.due_soon import will_miss
from service.core.reporting.risk import at_risk, compared
from service.core.standing import Judgement
from service.loops.announce import Money, facts_of
from tests.adapters.web.apps import Health, app_of
from tests.adapters.web.hostile import HOSTILE, hostile_world, paths
from tests.adapters.web.world import LATE, NOW, OVER, RIO_LATE, World, interruption, marketplace, stamp

PATHS = (
    "/",
    "/interruptions",
    f"/interruptions/{RIO_LATE.id}",
    f"/interruptions/{OVER.id}",
    f"/interruptions/{RIO_LATE.id}/people",
    f"/moments/{LATE}",
    "/owners",
    "/owners/delivery-ops",
    "/customers",
    "/journeys/buying",
    "/silences",
    "/data",
    "/dead-letters",
    "/settings",
)


def client_of(world: World, **more: object) -> TestClient:
    return TestClient(
        app_of(world, **more),  # type: ignore[arg-type]  # as app_of has them
        base_url="http://localhost",
        raise_server_exceptions=False,
        headers={"accept": "text/html"},
    )


@pytest.fixture(scope="module")
def client(market: World) -> TestClient:
    return client_of(market)


class _Tags(HTMLParser):
    """Collects what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.bad: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        ours = tag == "script" and dict(attrs) == {"src": "/static/live.js", "defer": None}
        if tag in {"script", "style", "iframe", "object", "embed"} and not ours:
            self.bad.append(tag)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.bad.append(f"{tag} {name}")
            if name in {"href", "src", "action"} and (value or "").lower().startswith(("javascript:", "data:", "//")):
                self.bad.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(value or "")


def tags(text: str) -> _Tags:
    parser = _Tags()
    parser.feed(text)
    return parser


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_script_but_ours_and_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    found = tags(answer.text)
    assert found.bad == []
    assert len(found.ids) == len(set(found.ids))
    assert found.tags.count("h1") == 1
    loaded = re.findall(r'(?:src|rel="(?:icon|stylesheet)" href)="([^"]+)"', answer.text)
    assert loaded
    assert all(each.startswith("/static/") for each in loaded)


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/static/style.css", "/metrics", "/healthz", "/openapi.json"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_the_interruption_shows_what_a_responder_needs(client: TestClient, market: World) -> None:
    text = client.get(f"/interruptions/{RIO_LATE.id}").text
    impact = market.store.impact(LATE, RIO_LATE.segment, RIO_LATE.onset, NOW + 1)
    complained = sum(row.complained_at is not None for row in market.store.hurt([place_of(RIO_LATE, NOW)]))
    assert complained > 0
    for said in (
        "Delivered by the promised day is unreliable",
        "region RJ",
        "Your parcel is with you by the day we told you.",
        "9 h 41 min after the start",
        f"<b>{impact.customers}</b>",
        f"<b>{impact.waiting}</b>",
        f"<dt>Complained</dt><dd><b>{complained}</b><span>of the {impact.customers} customers</span>",
        "× 8 %",  # noqa: RUF001  # times, as the page says it
        "everywhere else",
        "https://example.com/runbooks/late-parcels",
        "A false alarm is expected once in 90 days",
        "Depot says: two drivers ill",
        "because it opened",
        "began Wed 13 Dec 06:00",
    ):
        assert said in text, said


def test_the_broken_promises_come_in_pages_that_miss_none(market: World) -> None:
    world = World(market.catalog)
    world.take(
        [
            Outcome(id=str(n), time=stamp(NOW - HOUR), moment=LATE, customer=f"one-{n:03d}", outcome="broken")
            for n in range(120)
        ]
    )
    one = interruption(LATE, (), NOW - 2 * HOUR, NOW - HOUR)
    world.judge(LATE, Judgement(NOW, (Change("opened", NOW, one),)))
    client = client_of(world)
    pages = [client.get(f"/interruptions/{one.id}", params={"page": page}).text for page in (1, 2, 3)]
    found = [customer for text in pages for customer in re.findall(r"one-\d{3}", text)]
    assert sorted(found) == [f"one-{n:03d}" for n in range(120)]
    assert "51 to 100 of 120" in pages[1]
    assert "101 to 120 of 120" in client.get(f"/interruptions/{one.id}", params={"page": 99}).text


def test_the_recovery_list_has_everybody_once_and_where_they_stand() -> None:
    world = marketplace()
    place = place_of(RIO_LATE, NOW)
    people = world.store.hurt([place])
    world.store.add_contacts([Contact(RIO_LATE.id, people[0].customer, "contacted", NOW, "kim", HOSTILE)])
    client = client_of(world)

    first = client.get(f"/interruptions/{RIO_LATE.id}/people").text
    assert f"1 to {min(len(people), 50)} of {len(people)}" in first
    assert HOSTILE not in first
    assert "&lt;script&gt;" in first
    contacted = client.get(f"/interruptions/{RIO_LATE.id}/people?state=contacted").text
    assert "1 to 1 of 1" in contacted
    assert people[0].customer in contacted
    assert client.get(f"/interruptions/{RIO_LATE.id}/people?state=dead").status_code == 422
    assert client.get("/interruptions/none/people").status_code == 404


def test_a_tile_is_light_and_its_strip_says_the_days_that_stand_out(client: TestClient) -> None:
    tiles = re.findall("<article.*?</article>", client.get("/").text, flags=re.DOTALL)
    assert max(len(tile) for tile in tiles) < 3000, "hundreds of them are one page"
    [late] = [tile for tile in tiles if f'href="/moments/{LATE}"' in tile]
    assert re.search(r'<path class="band" d="M0 \d', late)
    high = late.count('<rect class="high"')
    assert high == late.count("<title>") > 0
    assert f"{high} above the usual." in late


def test_money_is_shown_with_its_arithmetic_and_what_was_frozen() -> None:
    world = marketplace()
    risk = at_risk(world.store, world.catalog.moments[LATE], [place_of(RIO_LATE, NOW)])
    world.store.save_mark(Mark(RIO_LATE.id, "opened", NOW, risk, compared(Share(50, 9), Share(500, 20), 1_000_000)))
    page = client_of(world).get(f"/interruptions/{RIO_LATE.id}").text

    assert "value of what was broken: BRL" in page
    assert "\u00d7 8 % = BRL" in page
    assert "when it opened" in page
    assert "9 of 50 hit left, 20 of 500 spared: +14.0 points (+5.5 to +26.9); BRL 1,400 a year lost" in page
    assert "newly hit" in page


def test_the_charts_have_axes_units_and_the_same_figures_as_a_table(client: TestClient) -> None:
    text = client.get(f"/moments/{LATE}").text
    assert text.count('class="chart wide"') == text.count('class="chart narrow"') == 2
    assert text.count('class="chart half"') == 1, "promises that fall due, by the day"
    assert ">0 %</text>" in text
    assert "The same as a table" in text


def test_the_moment_says_how_many_will_miss_within_the_next_day(client: TestClient, market: World) -> None:
    coming = will_miss(market.store, LATE, NOW)
    assert coming is not None
    assert 0 <= coming.low <= coming.middle <= coming.high <= coming.open
    said = f"about {coming.middle} will miss, 9 times in 10 from {coming.low} to {coming.high}."
    text = client.get(f"/moments/{LATE}").text
    assert f"{coming.open} open promises fall due in 24 hours: {said}" in text


def test_what_falls_due_is_shown_by_the_day(client: TestClient, market: World) -> None:
    text = client.get(f"/moments/{LATE}").text.partition("Falling due</h2>")[2].partition("</section>")[0]
    rows = re.findall(r'<th scope="row">[^<]*</th><td class="n">([\d,]+)</td><td class="n">([\d,]+)</td>', text)
    midnight = NOW - NOW % DAY
    days = [(max(midnight + n * DAY, NOW), midnight + (n + 1) * DAY) for n in range(7)]
    for (start, end), (promised, waiting) in zip(days, rows, strict=False):
        assert market.store.due(LATE, start, end) == (int(waiting.replace(",", "")), int(promised.replace(",", "")))
    assert len(rows) == 8


def test_the_chart_of_an_interruption_is_of_its_segment(client: TestClient, market: World) -> None:
    """What broke there drowns in the moment's whole."""
    text = client.get(f"/interruptions/{RIO_LATE.id}").text
    assert "<h2>Share of promises broken: region RJ</h2>" in text
    assert "Share of promises of region RJ broken, in steps of" in text
    _, figures = text.split("Share of promises of region RJ broken", 1)
    rows = re.findall(r'<td class="n">([\d,]+)</td><td class="n">([\d,]+)</td>', figures.split("</table>", 1)[0])
    broken = sum(int(row[1].replace(",", "")) for row in rows)
    inside, whole = (market.store.impact(LATE, of, NOW - 30 * DAY, NOW + 1).broken for of in (RIO_LATE.segment, ()))
    assert 0 < broken <= inside < whole
    attempts = sum(int(row[0].replace(",", "")) for row in rows)
    [shown] = [sums for value, sums in market.store.by_value(LATE, "region", 0, NOW + 1) if value == "RJ"]
    assert broken < attempts <= shown.attempts


def test_an_open_interruption_says_what_of_its_segment_falls_due_and_who_was_served_late(
    client: TestClient, market: World
) -> None:
    coming = will_miss(market.store, LATE, NOW, DAY, RIO_LATE.segment)
    assert coming is not None
    text = re.sub(r"<[^>]*>|\s+", " ", client.get(f"/interruptions/{RIO_LATE.id}").text)
    text = re.sub(r" +", " ", text)
    expected = f"about {coming.middle} will miss, 9 times in 10 from {coming.low} to {coming.high}"
    assert f"Due in 24 hours {coming.open} still open; {expected}" in text
    impact = market.store.harm([place_of(RIO_LATE, NOW)])
    assert impact.settled_late
    assert f"Settled late {impact.settled_late} customers" in text


def test_what_is_not_there_is_said_in_words(client: TestClient) -> None:
    for path in ("/moments/no-such", "/interruptions/no-such", "/no-such"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "There is no such page" in answer.text
        assert "no-such" not in answer.text
    assert client.get("/no-such", headers={"accept": "application/json"}).json() == {"detail": "There is no such page"}


def test_pages_are_only_read(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/").status_code == 405


def test_there_are_no_documentation_pages_that_load_from_elsewhere(client: TestClient) -> None:
    assert client.get("/docs").status_code == 404
    assert client.get("/redoc").status_code == 404
    assert "/readyz" in client.get("/openapi.json").json()["paths"]


# --- hostile content ---


def test_script_tags_in_every_field_stay_text() -> None:
    world, identity = hostile_world()
    client = client_of(world)
    shown = set()
    for path in paths(identity):
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = tags(answer.text)
        assert found.bad == [], path
        if "&lt;script&gt;" in answer.text:
            shown.add(path)
        assert set(re.findall(r"<img [^>]*>", answer.text)) == {
            '<img src="/static/icon.svg" alt="" width="22" height="22">'
        }
    # This unit is no customers: there is nobody to tell of.
    assert shown == set(paths(identity)) - {"/customers"}


def test_hostile_content_never_becomes_a_label() -> None:
    world, _ = hostile_world()
    assert "<script" not in client_of(world).get("/metrics").text


def test_an_override_of_the_writing_direction_does_not_reach_the_page() -> None:
    world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")}))
    world.take([Outcome(id="1", time=stamp(NOW - HOUR), moment="m", customer="a\u202eb\u0007", outcome="broken")])
    one = interruption("m", (), NOW - 2 * HOUR, NOW - HOUR)
    world.judge("m", Judgement(NOW, (Change("opened", NOW, one),)))
    text = client_of(world).get(f"/interruptions/{one.id}").text
    assert "\u202e" not in text
    assert "\u0007" not in text
    assert isinstance(world.store.breaks("m", (), 0, NOW)[0], Break)


# --- whom they answer ---


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", ""])
def test_a_rebound_name_gets_nothing(client: TestClient, host: str) -> None:
    for path in ("/", "/metrics", f"/interruptions/{RIO_LATE.id}"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "parcel" not in answer.text
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"])
def test_the_loopbacks_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200
    assert client.get("/interruptions", headers={"host": host}).status_code == 200


def test_other_names_are_answered_once_they_are_declared(market: World) -> None:
    client = client_of(market, settings=WebSettings(hosts=("watch.example",)))
    assert client.get("/interruptions", headers={"host": "watch.example:443"}).status_code == 200
    assert client.get("/interruptions", headers={"host": "localhost"}).status_code == 421


def test_a_hosts_port_is_left_out() -> None:
    assert host_of("Example.com:80") == "example.com"
    assert host_of("[::1]:80") == "[::1]"


# --- health ---


def test_ready_says_which_part_is_not(market: World) -> None:
    health = Health()
    client = client_of(market, health=health)
    assert client.get("/healthz").json() == {"alive": True}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "parts": {"database": "ok", "source": "ok", "catalogue": "ok"},
    }
    health.wrong["source"] = "no broker answers"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": "ok", "source": "no broker answers", "catalogue": "ok"}
    assert client.get("/healthz").status_code == 200, "a restart would not bring the broker back"


def test_not_to_know_is_not_to_be_ready(market: World) -> None:
    class Broken(Health):
        def parts(self) -> dict[str, str | None]:
            raise OSError("postgresql://user:secret@host is away")

    answer = client_of(market, health=Broken()).get("/readyz")
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_a_store_that_is_away_is_said_without_its_address() -> None:
    world = World(Catalog(owners={"ops": Owner("ops")}, moments={"m": Moment("m", "ops")}))
    client = client_of(world)

    def away(*_: object, **__: object) -> None:
        raise OSError("postgresql://user:secret@host is away")

    world.store.totals = away  # type: ignore[method-assign, assignment]  # the store goes away
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The store did not answer" in answer.text
    assert "secret" not in answer.text
    metrics = client.get("/metrics")
    assert metrics.status_code == 200
    assert "momentwatch_store_up 0.0" in metrics.text
    assert "momentwatch_week_attempts{" not in metrics.text


def test_a_page_and_a_notice_say_the_same_is_usual(market: World) -> None:
    [it] = [one for one in market.store.interruptions(open_only=True) if one.moment == LATE]
    facts = facts_of(market.store, market.catalog.moments[LATE], it, NOW, Money("BRL", 2))
    assert facts.inside is not None
    assert facts.inside.usual is not None
    page = TestClient(app_of(market), base_url="http://localhost").get(f"/interruptions/{it.id}").text
    assert f"usual {about(facts.inside.usual)}<" in page
    assert it.expected is not None
    assert about(it.expected * facts.inside.attempts) != about(facts.inside.usual)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"state": "open", "resolved_at": None}, "open for 3 h"),
        ({"state": "recovering", "resolved_at": None}, "open for 3 h, and seems to be over"),
        ({"state": "stale", "resolved_at": None}, "still open, but without data for long"),
        ({"state": "resolved", "resolved_at": NOW - HOUR}, "resolved after 2 h"),
    ],
)
def test_an_interruption_says_how_it_stands(more: dict[str, object], words: str) -> None:
    it = interruption("arrives", (), NOW - 3 * HOUR, NOW - 2 * HOUR, **more)
    assert state_words(it, NOW) == words
