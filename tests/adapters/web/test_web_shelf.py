"""The wall is made before anybody asks; who starts later shows what is kept until it has its own."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from service.adapters.metrics.meter import new_registry
from service.adapters.store.memory import MemoryStore
from service.adapters.web.app import make_app
from service.adapters.web.cache import Brief, Found, Spare
from service.adapters.web.settings import WebSettings
from service.adapters.web.shelf import mark_of
from service.core.event import MINUTE
from service.core.interruption import Change
from service.core.ports import StoreAway
from service.core.standing import Judgement
from tests.adapters.web.apps import Health
from tests.adapters.web.world import CATALOG, NOW, RIO_LATE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from service.core.catalog import Catalog


class Counting:
    """A store that counts looks at the moments, and can be away."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self.surveys = 0
        self.interruptions_made = 0
        self.away = False

    def __getattr__(self, name: str) -> Any:
        if name == "breaks":
            self.interruptions_made += 1
        if name == "survey":
            self.surveys += 1
            if self.away:
                raise StoreAway("the database is away")
        return getattr(self._store, name)


class Process:
    """One that serves the pages, with its shelf tended in the background or not."""

    def __init__(self, store: Counting, catalog: Catalog, now: int = NOW) -> None:
        settings = WebSettings(currency="BRL", keep=60.0)
        self.store = store
        self.app: FastAPI = make_app(store, lambda: catalog, new_registry(), Health(), settings, now=lambda: now)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self.app.state.shelf.run, args=(self._stop,))
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def wall(self) -> str:
        answer = TestClient(self.app, base_url="http://localhost").get("/")
        assert answer.status_code == 200
        return answer.text


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def world() -> World:
    return World(CATALOG, MemoryStore(CATALOG.moments))


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for each in started:
        each.end()


def test_nobody_waits_for_the_wall_not_even_right_after_a_start(world: World, processes: list[Process]) -> None:
    first = Process(Counting(world), world.catalog)
    processes.append(first)
    first.begin()
    until(lambda: world.store.shown("wall") is not None)
    made = first.store.surveys
    shown = first.wall()
    assert "Your parcel is with you" in shown
    assert first.store.surveys == made, "the first request looked at every moment by itself"
    # Another process, an hour later by its clock: it has nothing of its own yet.
    second = Process(Counting(world), world.catalog, NOW + 60 * MINUTE)
    processes.append(second)
    second.begin()
    until(lambda: second.app.state.shelf.tended)
    assert second.wall() == shown
    assert second.store.surveys == 0


def test_a_wall_of_another_catalogue_is_not_shown(world: World, processes: list[Process]) -> None:
    first = Process(Counting(world), world.catalog)
    processes.append(first)
    first.begin()
    until(lambda: world.store.shown("wall") is not None)
    fewer = replace(world.catalog, moments=dict(list(world.catalog.moments.items())[:1]), journeys={})
    second = Process(Counting(world), fewer)
    processes.append(second)
    second.begin()
    until(lambda: second.app.state.shelf.tended)
    assert "Your parcel is with you" not in second.wall()
    assert mark_of(fewer, WebSettings()) != mark_of(world.catalog, WebSettings())
    assert mark_of(world.catalog, WebSettings()) != mark_of(world.catalog, WebSettings(time_zone="Asia/Tokyo"))


def test_what_cannot_be_read_of_a_shelf_is_made_anew(world: World, processes: list[Process]) -> None:
    only = Process(Counting(world), world.catalog)
    processes.append(only)
    only.begin()
    until(lambda: world.store.shown("wall") is not None)
    kept = world.store.shown("wall")
    assert kept is not None
    for body in (b"", kept.body[:-9], b"\x78\x01\x03\x00\x00\x00\x00\x01"):
        world.store.show(type(kept)(kept.name, kept.mark, kept.made_at, kept.took, body))
        other = Process(Counting(world), world.catalog)
        processes.append(other)
        other.begin()
        assert "Your parcel is with you" in other.wall()


def test_a_store_that_is_away_does_not_end_the_tending(world: World, processes: list[Process]) -> None:
    only = Process(Counting(world), world.catalog)
    only.store.away = True
    processes.append(only)
    only.begin()
    until(lambda: only.store.surveys > 0)
    assert world.store.shown("wall") is None
    only.store.away = False
    assert "Your parcel is with you" in only.wall()


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0


def test_what_is_asked_for_is_renewed_often_and_what_is_not_seldom() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(2.0, clock=lambda: hands.now)
    nobody: Spare[int] = Spare(lambda: None, 600.0, 600.0)
    made = iter(range(100))

    def make() -> int:
        hands.now += 1.0
        return next(made)

    def renewed() -> bool:
        return brief.renew("wall", make, nobody, (30.0, 60.0))

    assert renewed()
    hands.now += 59.0
    assert not renewed(), "it took a second: once a minute is enough while nobody looks"
    hands.now += 1.0
    assert renewed()
    assert brief.get("wall", make, nobody) == 1
    hands.now += 9.0
    assert not renewed()
    hands.now += 1.0
    assert renewed(), "somebody looked lately: as often as a tenth of a core allows"


def test_what_another_made_meanwhile_is_taken() -> None:
    hands = Hands()
    brief: Brief[str] = Brief(2.0, clock=lambda: hands.now)
    theirs = Spare(lambda: Found("theirs", 1.0, 1.0), 600.0, 600.0)
    assert not brief.renew("wall", lambda: "ours", theirs, (30.0, 60.0))
    assert brief.get("wall", lambda: "ours", theirs) == "theirs"
    old: Brief[str] = Brief(2.0, clock=lambda: hands.now)
    assert old.get("wall", lambda: "ours", Spare(lambda: Found("old", 601.0, 1.0), 600.0, 600.0)) == "ours"


def test_what_is_tended_is_shown_while_it_is_made_anew_however_long_nobody_asked() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(2.0, clock=lambda: hands.now)
    made = iter(range(100))
    tended: Spare[int] = Spare(lambda: None, 600.0, 600.0)
    assert brief.get("wall", lambda: next(made), tended) == 0
    hands.now += 599.0
    begun = threading.Event()
    assert brief.get("wall", lambda: (begun.wait(10), next(made))[1], tended) == 0
    begun.set()
    until(lambda: brief.get("wall", lambda: next(made), tended) == 1)
    hands.now += 601.0
    assert brief.get("wall", lambda: next(made), tended) == 2, "too old to be shown to anybody"


def test_what_is_quick_to_make_is_made_when_it_is_asked_for() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(2.0, clock=lambda: hands.now)
    slow: Spare[int] = Spare(lambda: None, 600.0, 0.0, 0.1)
    made = iter(range(100))

    def make(took: float) -> int:
        hands.now += took
        return next(made)

    for key, took in (("quick", 0.05), ("long", 0.2)):
        assert brief.renew(key, lambda took=took: make(took), slow, (30.0, 60.0))  # type: ignore[misc]  # bound now
    hands.now += 31.0
    assert not brief.renew("quick", lambda: make(0.05), slow, (30.0, 60.0))
    assert brief.get("quick", lambda: make(0.05), slow) == 2
    assert brief.get("long", lambda: 99, slow) == 1, "somebody waited for it"


def test_nobody_waits_for_an_open_interruption_that_takes_long(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.adapters.web.shelf.SLOW", -1.0)
    world = World(CATALOG, MemoryStore(CATALOG.moments))
    world.judge(RIO_LATE.moment, Judgement(NOW, (Change("opened", NOW, RIO_LATE),)))
    process = Process(Counting(world), world.catalog)
    processes.append(process)
    process.begin()
    until(lambda: process.store.interruptions_made > 0)
    made = process.store.interruptions_made
    answer = TestClient(process.app, base_url="http://localhost").get(f"/interruptions/{RIO_LATE.id}")
    assert answer.status_code == 200
    assert process.store.interruptions_made == made
