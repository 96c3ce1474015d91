"""The proxy between two real sockets: it passes everything on, cuts, and loses the answer to a COMMIT."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.running import until
from tests.faults.proxy import Proxy
from tests.harness.process import LOOPBACK


@pytest.fixture
def echo() -> Iterator[tuple[int, list[bytes]]]:
    heard: list[bytes] = []
    with socket.create_server((LOOPBACK, 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while piece := connection.recv(1000):
                        heard.append(piece)
                        connection.sendall(piece)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def ended(line: socket.socket) -> bool:
    try:
        return line.recv(100) == b""
    except ConnectionResetError:
        return True


def test_what_goes_in_comes_out(echo: tuple[int, list[bytes]]) -> None:
    with Proxy(echo[0]) as proxy, socket.create_connection((LOOPBACK, proxy.port), timeout=5) as line:
        line.sendall(b"SELECT 1")
        assert line.recv(100) == b"SELECT 1"


def test_a_commit_arrives_and_its_answer_does_not(echo: tuple[int, list[bytes]]) -> None:
    with Proxy(echo[0]) as proxy, socket.create_connection((LOOPBACK, proxy.port), timeout=5) as line:
        proxy.swallow = 1
        line.sendall(b"COMMIT")
        assert ended(line)
        until(lambda: echo[1] == [b"COMMIT"], "the COMMIT")
        assert proxy.swallowed == 1


def test_a_cut_ends_every_connection(echo: tuple[int, list[bytes]]) -> None:
    with Proxy(echo[0]) as proxy, socket.create_connection((LOOPBACK, proxy.port), timeout=5) as line:
        line.sendall(b"x")
        assert line.recv(100) == b"x"
        proxy.cut()
        assert ended(line)
