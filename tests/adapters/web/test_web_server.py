"""The server in its thread, over real sockets."""

import socket
import threading
import urllib.error
import urllib.request

import pytest

from service.adapters.web.cache import Brief
from service.adapters.web.server import WebServer
from tests.adapters.web.conftest import app_of
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
    time[0] = 2.0
    with pytest.raises(ZeroDivisionError):
        cache.get("k", lambda: 1 / 0)
    assert cache.get("k", lambda: 3.0) == 3.0


def test_the_answers_kept_are_bounded() -> None:
    cache: Brief[int] = Brief(60, most=3)
    for key in range(10):
        cache.get(key, lambda: 0)
    assert len(cache._entries) == 3
