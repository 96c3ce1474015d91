"""The server in its thread, over real sockets."""

import socket
import threading
import urllib.error
import urllib.request

import pytest

from service.adapters.web.cache import Brief
from service.adapters.web.server import WebServer
from tests.adapters.web.apps import app_of
from tests.adapters.web.world import World


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own loopback
        return answer.status, answer.read().decode()


def test_it_takes_a_free_port_answers_and_stops(market: World) -> None:
    server = WebServer(app_of(market), "127.0.0.1", 0)
    with server:
        assert server.port > 0
        status, text = get(server.url)
        assert status == 200
        assert "Moments that matter" in text
        assert get(f"{server.url}metrics")[0] == 200
        url = server.url
    with pytest.raises(urllib.error.URLError):
        get(url)


def test_ipv6s_loopback_is_answered_by_its_name(market: World) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        # Where there is none, that is said at the start and not later.
        with pytest.raises(OSError, match="ddress"):
            WebServer(app_of(market), "::1", 0).start()
        return
    with WebServer(app_of(market), "::1", 0) as server:
        assert server.url.startswith("http://[::1]:")
        assert get(f"{server.url}healthz")[0] == 200


def test_a_taken_port_is_said_at_once(market: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        WebServer(app_of(market), "127.0.0.1", taken.getsockname()[1]).start()


def test_many_readers_cost_one_reading() -> None:
    made: list[int] = []
    go = threading.Event()

    def make() -> str:
        go.wait(5)
        made.append(1)
        return "page"

    cache: Brief[str] = Brief(60)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("wall", make))) for _ in range(16)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["page"] * 16
    assert len(made) == 1


def test_an_answer_that_is_too_old_is_made_anew_and_errors_are_not_kept() -> None:
    time = [0.0]
    cache: Brief[float] = Brief(2, clock=lambda: time[0])
    assert cache.get("k", lambda: 1.0) == 1.0
    assert cache.get("k", lambda: 2.0) == 1.0
    time[0] = 10.0
    with pytest.raises(ZeroDivisionError):
        cache.get("k", lambda: 1 / 0)
    assert cache.get("k", lambda: 3.0) == 3.0


def test_the_answers_kept_are_bounded() -> None:
    cache: Brief[int] = Brief(60, most=3)
    for key in range(10):
        cache.get(key, lambda: 0)
    assert len(cache._entries) == 3


class Hands:
    """A clock moved by hand, and answers that take a while to make."""

    def __init__(self) -> None:
        self.now = 100.0
        self.made = 0
        self.done = threading.Semaphore(0)

    def make(self) -> int:
        self.now += 2.0
        self.made += 1
        self.done.release()
        return self.made


def test_what_took_long_is_kept_longer_and_made_anew_beside() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(1.0, clock=lambda: hands.now)
    assert brief.get("wall", hands.make) == 1
    hands.done.acquire()
    hands.now += 19.0
    assert brief.get("wall", hands.make) == 1, "it took two seconds: it is good for twenty"
    hands.now += 2.0
    assert brief.get("wall", hands.make) == 1, "who asks waits for nothing"
    assert hands.done.acquire(timeout=10), "and it was made anew all the same"
    while brief._entries["wall"].lock.locked():
        pass
    assert brief.get("wall", hands.make) == 2
    hands.now += 101.0
    assert brief.get("wall", hands.make) == 3, "what is far too old is not shown"


def test_an_answer_that_cannot_be_made_anew_leaves_the_old_one_for_a_while() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(1.0, clock=lambda: hands.now)
    assert brief.get("wall", hands.make) == 1

    def away() -> int:
        raise OSError("the store is away")

    hands.now += 30.0
    assert brief.get("wall", away) == 1
    while brief._entries["wall"].lock.locked():
        pass
    hands.now += 101.0
    with pytest.raises(OSError, match="away"):
        brief.get("wall", away)


def test_nothing_is_kept_for_no_time() -> None:
    hands = Hands()
    brief: Brief[int] = Brief(0.0, clock=lambda: hands.now)
    assert [brief.get("wall", hands.make) for _ in range(3)] == [1, 2, 3]
