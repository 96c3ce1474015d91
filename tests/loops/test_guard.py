"""Loops that get on are heard outside; a loop that hangs ends the process; a database that is away is told of once."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.heartbeat import Heartbeat
from service.adapters.store.memory import MemoryStore
from service.app.guard import calling
from service.core.outbox import Delivery
from service.core.ports import StoreAway
from service.loops.guard import Guard, Patience, Pulse, StuckLoop
from service.loops.routing import Routing
from service.loops.watch import Watch
from service.loops.watching import Watching
from tests.core.scripted import MOMENT, catalog
from tests.loops.ingesting import LINES, run_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.core.telling.route import Message


class World:
    def __init__(self, **patience: Any) -> None:
        self.now = 1000.0
        self.pings: list[float] = []
        self.calls: list[float] = []
        self.store = Away()
        self.pulses = {name: Pulse(lambda: self.now) for name in ("ingest", "watch")}
        self.guard = Guard(
            self.store,
            self.pulses,
            Patience(**{"stuck": 600, "heartbeat": 60, "away": 300} | patience),
            ping=lambda: self.pings.append(self.now),
            call=self.calls.append,
            clock=lambda: self.now,
        )

    def pass_(self, seconds: int, **loops: bool | None) -> None:
        """Let time pass; each loop that is named turns every second, well or not; None: it hangs."""
        for _ in range(seconds):
            self.now += 1
            for name, well in loops.items():
                if well is not None:
                    self.pulses[name].beat(well=well)
            self.guard.probe()
            self.guard.beat()
            self.guard.look()


class Away(MemoryStore):
    away = False

    def clocks(self) -> Any:
        if self.away:
            raise StoreAway("told to be away")
        return super().clocks()


def test_a_heartbeat_is_sent_at_its_interval_while_all_loops_get_on() -> None:
    world = World()
    world.pass_(180, ingest=True, watch=True)
    assert world.pings == [1001, 1061, 1121]


@pytest.mark.parametrize("trouble", [False, None])
def test_it_stops_when_one_loop_gets_nowhere_and_comes_back_with_it(trouble: bool | None) -> None:
    world = World()
    world.pass_(60, ingest=True, watch=True)
    world.pass_(400, ingest=True, watch=trouble)
    assert len(world.pings) <= 4
    before = len(world.pings)
    world.pass_(10, ingest=True, watch=True)
    assert len(world.pings) == before + 1


def test_before_every_loop_got_somewhere_there_is_none() -> None:
    world = World()
    world.pass_(60, ingest=True)
    assert world.pings == []


def test_a_loop_that_hangs_is_named_with_the_place_where_it_does() -> None:
    world = World()
    hangs = threading.Event()

    def a_place_to_hang() -> None:
        # In its very first turn: it has not told of any yet.
        world.pulses["watch"].begin()
        hangs.wait(60)

    thread = threading.Thread(target=a_place_to_hang)
    thread.start()
    while world.pulses["watch"].thread is None:
        pass
    with pytest.raises(StuckLoop, match=r"(?s)the watch loop has not ended a turn for 601 s.*a_place_to_hang"):
        world.pass_(700, ingest=True)
    hangs.set()
    thread.join()
    assert world.now == pytest.approx(1601)


def test_a_loop_that_waits_or_has_ended_does_not_hang() -> None:
    world = World()
    world.pulses["ingest"].end()
    world.pass_(2000, watch=False)


def test_a_database_that_is_away_is_told_of_once_and_once_more_the_next_time() -> None:
    world = World()
    world.pass_(10, ingest=True, watch=True)
    world.store.away = True
    world.pass_(300, ingest=False, watch=False)
    assert world.calls == []
    world.pass_(900, ingest=False, watch=False)
    assert world.calls == [301]
    world.store.away = False
    world.pass_(5, ingest=True, watch=True)
    world.store.away = True
    world.pass_(400, ingest=False, watch=False)
    assert world.calls == [301, 301]


def test_a_database_that_is_there_is_never_called_away_however_soon_that_is_to_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.loops.guard.LOOK", 0.01)
    calls: list[float] = []
    stop = threading.Event()
    guard = Guard(Away(catalog(MOMENT).moments), {}, Patience(away=0.2), call=calls.append)
    thread = threading.Thread(target=guard.run, args=(stop,))
    thread.start()
    stop.wait(0.6)
    stop.set()
    thread.join()
    assert calls == []
    # Nor is it asked more often than it takes.
    assert (Patience().probe, Patience(away=300).probe) == (5.0, 5.0)


def test_the_loops_say_that_they_are_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    of = catalog(MOMENT)
    store = MemoryStore(of.moments)
    stop = threading.Event()
    watch = Watch(store, of, lambda *_: [], lambda *_: None)  # type: ignore[arg-type]
    watching = Watching(watch, store, of, _meter(), lambda: 0, pause=0)
    routing = Routing(store, lambda: of, None, "", lambda: 0, pause=0)  # type: ignore[arg-type]
    ingest = run_lines(LINES, store)
    assert ingest.pulse.well_at is not None

    turns: list[int] = []

    def away() -> Any:
        turns.append(1)
        if len(turns) > 1:
            stop.set()
            raise StoreAway("told to be away")
        return False

    for loop in (watching, routing):
        turns.clear()
        stop.clear()
        monkeypatch.setattr(stop, "wait", lambda _: None)
        monkeypatch.setattr(loop, "turn", away)
        loop.run(stop)
        assert loop.pulse.well_at is not None
        assert loop.pulse.alive_at > loop.pulse.well_at


def _meter() -> Any:
    from service.core.meter import NoMeter

    return NoMeter()


class Told:
    def __init__(self) -> None:
        self.messages: list[tuple[str, Message]] = []

    def keeps_incidents(self, target: str) -> bool:
        return False

    def send(self, target: str, message: Message) -> Delivery:
        self.messages.append((target, message))
        return Delivery("sent")


def test_the_call_goes_straight_to_the_targets() -> None:
    told = Told()
    calling(told, ["phone", "desk"], "https://example.org")(400.0)
    assert [target for target, _ in told.messages] == ["phone", "desk"]
    message = told.messages[0][1]
    assert (message.level, message.title) == ("critical", "CRITICAL · momentwatch has lost its database")
    assert "7 minutes" in message.lines[0]


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """A server that answers so, one after another; its address, and the paths asked for."""
    asked: list[str] = []
    answers = list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = answers.pop(0)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_heartbeat_goes_where_the_file_says_now_and_never_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "url"
    with answering(200, 500, 302, 200) as (url, asked):
        heartbeat = Heartbeat(lambda: file.read_text().strip())
        file.write_text(f"{url}/first-secret\n")
        heartbeat()
        file.write_text(f"{url}/second-secret")
        heartbeat()
        heartbeat()
        heartbeat()
    assert asked == ["/first-secret", "/second-secret", "/second-secret", "/second-secret"]
    file.write_text("file:///etc/passwd")
    heartbeat()
    file.unlink()
    heartbeat()
    said = [record.message for record in caplog.records]
    assert said == [
        "the heartbeat does not arrive: HTTPError 500",
        "the heartbeat arrives again",
        "the heartbeat does not arrive: its address is no http:// or https:// one; mend guard.heartbeat",
    ]
    assert "secret" not in caplog.text
