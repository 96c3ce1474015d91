"""Where notices go in a fault run: a real HTTP server on loopback that keeps what comes and answers as told."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Manner = Literal["well", "busy", "broken", "slow", "half", "hang_up"]
"""How it answers: 200, 429, 500, after the sender's patience, the half of a head, or not at all after it took it."""


@dataclass(frozen=True)
class Heard:
    """One message that came in; `told`: the sender got a clear answer that it was taken or refused."""

    path: str
    key: str
    repeat: bool
    title: str
    manner: Manner
    headers: dict[str, str]


class Receiver:
    """Keeps what it hears, by path; `manners` says how the next messages of a path are answered, else well."""

    def __init__(self) -> None:
        self.manners: dict[str, Manner] = {}
        self.slow_s = 4.0
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                receiver._take(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    def _take(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        manner = self.manners.get(handler.path, "well")
        heard = Heard(
            handler.path, body["key"], bool(body["repeat"]), body["title"], manner, dict(handler.headers.items())
        )
        with self._lock:
            self._heard.append(heard)
        if manner == "slow":
            time.sleep(self.slow_s)
        if manner in {"hang_up", "half"}:
            if manner == "half":
                handler.wfile.write(b"HTTP/1.1 20")
            handler.close_connection = True
            return
        handler.send_response({"busy": 429, "broken": 503}.get(manner, 200))
        if manner == "busy":
            handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def heard(self, path: str) -> list[Heard]:
        """What came to a path, in order."""
        with self._lock:
            return [heard for heard in self._heard if heard.path == path]

    def taken(self, path: str) -> dict[str, list[Heard]]:
        """What may have been taken for good, by key: everything but what was clearly refused."""
        found: dict[str, list[Heard]] = defaultdict(list)
        for heard in self.heard(path):
            if heard.manner not in {"busy", "broken"}:
                found[heard.key].append(heard)
        return found


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
