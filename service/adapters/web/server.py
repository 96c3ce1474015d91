"""The web server in a thread of its own, beside the loops."""

import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from service.adapters.web.live import with_ending


class ServerDidNotStart(RuntimeError):  # noqa: N818  # says what happened
    """The thread ended, or did not answer in time."""


class WebServer:
    """Serves an app from `start` to `stop`; port 0 takes a free one, `port` tells which."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host = host
        self._wanted = port
        self._server = uvicorn.Server(
            uvicorn.Config(
                with_ending(app, self._is_ending),
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                # Who is behind a proxy says so to the proxy; the pages need no client's address.
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=5,
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def _is_ending(self) -> bool:
        return self._server.should_exit

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._wanted if self._socket is None else int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104  # compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def start(self, within: float = 10.0) -> None:
        """Listen, and return once requests are answered; OSError when the port is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._wanted), family=family, backlog=128)
        self._socket = listener
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listener, ready), name="web", daemon=True)
        self._thread.start()
        waited = 0.0
        while not self._server.started:
            if ready.wait(0.01) or waited > within:
                self.stop()
                raise ServerDidNotStart(f"the web server on {self._host}:{self.port} did not start")
            waited += 0.01

    def _serve(self, listener: socket.socket, ended: threading.Event) -> None:
        try:
            self._server.run(sockets=[listener])
        finally:
            ended.set()

    def stop(self) -> None:
        """Answer what was asked, then end."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
