"""The pages behind the figures: how far data can be trusted, dead letters, settings, owners' issues, what else was."""

import asyncio
import re
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.adapters.metrics.meter import new_registry
from service.adapters.web import live
from service.adapters.web.access.actor import Actor
from service.adapters.web.access.gate import Gate
from service.adapters.web.access.signing import Signer
from service.adapters.web.app import make_app
from service.adapters.web.chart import count_top
from service.adapters.web.live import Live
from service.adapters.web.server import WebServer
from service.adapters.web.settings import WebSettings
from service.app.shown import shown
from service.core.catalog import Catalog, Moment, Owner
from service.core.event import DAY, HOUR, MINUTE, Annotation, Outcome
from service.core.handling import Action
from service.core.interruption import Change
from service.core.standing import Judgement
from service.settings import load_settings
from tests.adapters.web.apps import Health, app_of
from tests.adapters.web.office import Office, users
from tests.adapters.web.test_web_pages import client_of
from tests.adapters.web.world import CATALOG, LATE, NOW, ONSET, RIO_LATE, World, interruption, marketplace, stamp


@pytest.fixture(scope="module")
def client(market: World) -> TestClient:
    return client_of(market)


def test_the_data_page_accounts_for_every_record(client: TestClient, market: World) -> None:
    text = client.get("/data").text
    read = market.store.counts().read
    assert f"Each of the {read:,} records that were read is accounted for." in text
    assert "balance" in text
    assert "5 h 24 min" in text, "blind since 09:40"
    assert "the source cannot be reached" in text
    assert "shop.orders[0]" in text
    assert "not_json" in text


def test_books_that_do_not_balance_are_said_first() -> None:
    world = World()
    world.take([], dead=2)
    world.store._counts.read += 3  # type: ignore[attr-defined]  # as a bug would
    text = client_of(world).get("/data").text
    assert "The books do not balance: 3 records of 5 are unaccounted for." in text
    assert "off by 3" in text


def test_dead_letters_come_in_pages_with_their_bytes_for_admins() -> None:
    world = World()
    world.take([], dead=60)
    client = client_of(world)
    first = client.get("/dead-letters").text
    assert first.count('class="panel"') == 50
    assert "60 records could not be taken" in first
    assert "<pre>&lt;script&gt;</pre>" in first
    second = client.get("/dead-letters?page=2").text
    assert second.count('class="panel"') == 10
    assert 'rel="next"' not in second
    assert client.get("/dead-letters?page=0").status_code == 422


@pytest.mark.parametrize("role", ["viewer", "responder"])
def test_only_admins_see_records_and_settings(role: str) -> None:
    world = World()
    world.take([], dead=1)
    gate = Gate(Signer((b"k" * 32,)), anybody=Actor("vic", role))  # type: ignore[arg-type]  # one of the roles
    settings = WebSettings(clock="event", keep=0.0, shown=(("database.url", "postgresql://inside"),))
    app = make_app(world.store, lambda: CATALOG, new_registry(), Health(), settings, now=lambda: NOW, gate=gate)
    client = TestClient(app, base_url="http://localhost", headers={"accept": "text/html"})
    letters = client.get("/dead-letters").text
    assert "no JSON" in letters
    assert "&lt;script&gt;" not in letters
    refused = client.get("/settings")
    assert refused.status_code == 403
    assert "inside" not in refused.text
    assert 'href="/settings"' not in client.get("/").text


def test_settings_are_shown_as_loaded_and_no_secret_is(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("""
database: {url: "postgresql+psycopg://mw@db/mw?sslpassword=canary-1", password_env: CANARY}
kafka:
  bootstrap_servers: [one:9092, two:9092]
  security: {protocol: SASL_SSL, mechanism: PLAIN, username: watch, password_env: CANARY}
web: {key_env: CANARY}
guard: {heartbeat: {url_env: CANARY}, stuck_after: 90s}
customers: {pseudonym_keys: [{env: CANARY}]}
""")
    environ = {"CANARY": "https://canary-2-0123456789abcdef0123456789"}
    rows = dict(shown(load_settings(tmp_path / "settings.yaml", environ)))
    assert "canary" not in str(rows).lower()
    assert rows["database.password_env"] == rows["customers.pseudonym_keys[0].env"] == "(set, and not shown)"
    assert rows["database.url"] == "postgresql+psycopg://mw@db/mw"
    assert rows["kafka.bootstrap_servers"] == "one:9092, two:9092"
    assert rows["guard.stuck_after"] == "1m30s"
    assert rows["retention.minutes"] == "8w4d"
    text = client_of(World(), settings=WebSettings(shown=tuple(rows.items()))).get("/settings").text
    assert "one:9092, two:9092" in text


def test_an_owner_sees_what_is_open_and_takes_it_on_from_there() -> None:
    world = marketplace()
    client = client_of(world)
    text = client.get("/owners/delivery-ops").text
    assert "1 interruption open, and nobody has it." in text
    assert "nobody has it, 47 h" in text
    [form] = re.findall(r'<form method="post" action="(/interruptions/[^"]+/actions)"', text)
    token = re.search(r'name="csrf" value="(\w+)"', text)
    assert token is not None
    done = client.post(form, data={"csrf": token[1], "verb": "acknowledge"}, follow_redirects=False)
    assert done.status_code == 303
    world.store.act(Action(RIO_LATE.id, NOW - 2 * HOUR, "ask", "ann", "depot", "two vans", until=NOW - HOUR))
    after = client.get("/owners/delivery-ops").text
    assert "1 interruption open, each in somebody&#39;s hands." in after
    assert "I have it" not in after
    assert "depot was asked for “two vans”, overdue 1 h" in after


def noted(*events: Annotation) -> World:
    world = World()
    world.take(events)
    world.judge(LATE, Judgement(NOW, (Change("opened", NOW, RIO_LATE),)))
    return world


def test_deployments_stand_beside_the_onset() -> None:
    world = noted(
        Annotation(id="1", time=stamp(ONSET - 40 * MINUTE), title="Release 4.12", url="https://deploys.example/412"),
        Annotation(id="2", time=stamp(ONSET + HOUR), title="Depot moved", moment=LATE, dimensions={"region": "RJ"}),
        Annotation(id="3", time=stamp(ONSET), title="Elsewhere", moment=LATE, dimensions={"region": "SP"}),
        Annotation(id="4", time=stamp(ONSET), title="Another moment", moment="pays-at-checkout"),
        Annotation(id="5", time=stamp(ONSET - 20 * DAY), title="Long ago"),
        Annotation(id="6", time=stamp(ONSET + HOUR), title="Hidden", url="javascript:alert(1)"),
    )
    page = client_of(world).get(f"/interruptions/{RIO_LATE.id}").text
    found = re.findall(r'<b class="number">(\d)</b> <time[^>]*>[^<]*</time> (?:<a[^>]*>)?([^<]*)', page)
    assert [(number, title.strip()) for number, title in found] == [
        ("1", "Release 4.12"),
        ("2", "Depot moved"),
        ("3", "Hidden"),
    ]
    assert "40 min before it began" in page
    assert "1 h after it began" in page
    assert 'href="https://deploys.example/412"' in page
    assert "javascript:" not in page
    assert page.count('class="flag flag-note"') == 2 * 3, "on the chart for a desk and on that for a phone"
    moment = client_of(world).get(f"/moments/{LATE}").text
    assert "Elsewhere" in moment, "the moment's page has all of its segments"
    assert "Long ago" in moment
    assert "Another moment" not in moment


def test_more_notes_than_a_chart_can_show_are_counted() -> None:
    world = noted(*(Annotation(id=str(i), time=stamp(NOW - (20 - i) * HOUR), title=f"Release {i}") for i in range(15)))
    text = client_of(world).get(f"/moments/{LATE}").text
    assert "3 more before these" in text
    assert "Release 2<" not in text
    assert "Release 14" in text


def test_an_axis_of_counts_has_whole_numbers() -> None:
    for count in (0, 1, 3, 4, 5, 33, 250, 9_999, 10**9):
        top = count_top(count)
        assert top >= count
        assert top % 4 == 0
        assert top <= max(2 * count, 4)


# --- live ---


async def told(live: Live, done: object = None) -> list[str]:
    """What a page is told until the server ends; `done` happens once it listens."""
    ends: list[bool] = []
    found = []
    async for text in live._events(lambda: bool(ends)):
        found.append(text.partition("\n")[0])
        if len(found) == 1 and callable(done):
            asyncio.get_running_loop().call_later(0.4, done)
        if len(found) == 2:
            ends.append(True)
    return found


def test_a_page_is_told_of_what_is_new(market: World) -> None:
    world = World()
    one = interruption(LATE, (), NOW - HOUR, NOW)

    def opens() -> None:
        world.judge(LATE, Judgement(NOW, (Change("opened", NOW, one),)))

    assert asyncio.run(told(Live(world.store, 0.0, 60.0), opens)) == ["retry: 5000", "event: news"]
    assert asyncio.run(told(Live(world.store, 0.0, 0.5))) == ["retry: 5000", "event: tick"]


def test_a_stream_ends_in_good_order_with_the_server(market: World) -> None:
    with WebServer(app_of(market), "127.0.0.1", 0) as server:
        stream = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        stream.sendall(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        head = b""
        while b"retry" not in head:
            head += stream.recv(2000)
        assert b"text/event-stream" in head
        assert b"no-store" in head
    rest = b""
    while more := stream.recv(2000):
        rest += more
    stream.close()
    assert rest.endswith(b"0\r\n\r\n"), "a stream that is cut has no last chunk"


def test_nobody_hears_before_saying_who_it_is(tmp_path: Path, market: World) -> None:
    office = Office(Gate(Signer((b"k" * 32,)), users(tmp_path)))
    assert office.client.get("/live").status_code == 401


def test_only_so_many_pages_hear_by_themselves(market: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 0)
    monkeypatch.setattr(live, "LONGEST_S", 0.0)
    answer = client_of(market).get("/live")
    assert (answer.status_code, "this one reloads by itself" in answer.text) == (429, True)


def test_owners_of_what_counts_no_customers_have_their_page_too() -> None:
    catalog = Catalog(owners={"gate": Owner("gate")}, moments={"departs": Moment("departs", "gate", unit="flights")})
    world = World(catalog)
    world.take([Outcome(id="1", time=stamp(NOW - HOUR), moment="departs", customer="f1", outcome="broken")])
    client = client_of(world)
    assert 'href="/owners/gate"' in client.get("/owners").text
    page = client.get("/owners/gate").text
    assert "flights" in page
    assert "customers let down" not in page


def test_the_page_names_who_answers_for_the_segment() -> None:
    moment = Moment("arrives", "ops", dimensions=("region",), owner_by={"region": {"RJ": "rio"}})
    world = World(Catalog(owners={"ops": Owner("ops"), "rio": Owner("rio", "Rio depot")}, moments={"arrives": moment}))
    one = interruption("arrives", (("region", ("RJ",)),), NOW - HOUR, NOW)
    world.judge("arrives", Judgement(NOW, (Change("opened", NOW, one),)))
    assert '<a href="/owners/rio">Rio depot</a>' in client_of(world).get(f"/interruptions/{one.id}").text
    assert "I have it" in client_of(world).get("/owners/rio").text
